/**
 * What a schema found wrong first in a value from outside: the parts of a sentence that names the place, what was found, and what was
 * expected.
 */
import type { z } from "zod";

const COMPARISONS: Readonly<Record<string, string>> = { "<=": "at most", ">=": "at least", "<": "below", ">": "above" };

export interface Problem {
  readonly path: readonly PropertyKey[];
  /** The path as one would write it: `rows[1].width`; "" for the whole. */
  readonly place: string;
  /** At the place; undefined where there is nothing. */
  readonly found: unknown;
  /** The schema's own words. */
  readonly message: string;
  /** Fields at the place that nobody knows; empty where the problem is another. */
  readonly unknownFields: readonly string[];
}

export function firstProblem(value: unknown, error: z.ZodError): Problem {
  const [issue] = error.issues;
  if (issue === undefined) throw new Error("an error of a schema has an issue");
  const { path, message } = issue;
  const found = path.reduce<unknown>(
    (part, key) => (typeof part === "object" && part !== null ? Reflect.get(part, key) : undefined),
    value,
  );
  return { path, place: placeOf(path), found, message, unknownFields: issue.code === "unrecognized_keys" ? issue.keys : [] };
}

/** ["rows", 1, "width"] -> "rows[1].width" */
function placeOf(path: readonly PropertyKey[]): string {
  const steps = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key.toString()}`));
  return steps.join("").replace(/^\./, "");
}

/** Zod's "Too small: expected number to be >=1" as "it must be at least 1"; a schema's own words as they are. */
export function requirement(message: string): string {
  const [, comparison, limit] = /expected (?:number|int) to be (<=|>=|<|>)\s*(\S+)/.exec(message) ?? [];
  if (comparison !== undefined) return `it must be ${COMPARISONS[comparison]} ${limit}`;
  if (/expected int/.test(message)) return "a whole number is expected";
  if (/expected number/.test(message)) return "a number is expected";
  return message.toLowerCase();
}
