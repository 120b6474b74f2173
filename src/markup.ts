/**
 * HTML and SVG from template strings in which every outside value is escaped: class names and file names come from other people's disks.
 */

/** Text that is markup already: made by `markup`, or a constant of ours. */
export class Markup {
  constructor(readonly text: string) {}
}

export type Insert = string | number | Markup | readonly Markup[];

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** For text and for quoted attributes. Control characters, which a page may not hold, become question marks. */
export function escapeText(text: string): string {
  const printable = text.replace(/\p{Cc}/gu, (control) => (/\s/.test(control) ? control : "?"));
  return printable.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}

function textOf(insert: Insert): string {
  if (insert instanceof Markup) return insert.text;
  if (typeof insert === "string") return escapeText(insert);
  if (typeof insert === "number") return String(Math.round(insert * 100) / 100);
  return insert.map((part) => part.text).join("");
}

/** Numbers are rounded to two decimals, which is enough for coordinates; format those that are read. */
export function markup(parts: TemplateStringsArray, ...inserts: readonly Insert[]): Markup {
  return new Markup(parts.reduce((text, part, index) => text + textOf(inserts[index - 1] ?? "") + part));
}

export const NOTHING = markup``;
