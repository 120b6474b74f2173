/** What a schema asks of a value, in the words of a sentence to the person who gave it. */

const COMPARISONS: Readonly<Record<string, string>> = { "<=": "at most", ">=": "at least", "<": "below", ">": "above" };

/** Zod's "Too small: expected number to be >=1" as "it must be at least 1"; a schema's own words as they are. */
export function requirement(message: string): string {
  const [, comparison, limit] = /expected (?:number|int) to be (<=|>=|<|>)\s*(\S+)/.exec(message) ?? [];
  if (comparison !== undefined) return `it must be ${COMPARISONS[comparison]} ${limit}`;
  if (/expected int/.test(message)) return "a whole number is expected";
  if (/expected number/.test(message)) return "a number is expected";
  return message.toLowerCase();
}
