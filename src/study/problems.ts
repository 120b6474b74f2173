/** What a schema found wrong in a file, as one sentence that names the place. */
import type { z } from "zod";
import { UserError } from "../errors.js";

const LONGEST_VALUE = 40;

/** The first problem: what was found where, what was expected, what to do. */
export function malformed(origin: string, value: unknown, error: z.ZodError): UserError {
  const [issue] = error.issues;
  if (issue === undefined) throw new Error("an error of a schema has an issue");
  const place = placeOf(issue.path);
  const where =
    place === "" ? origin : `${origin}${/[\])]$|settings$/.test(origin) ? (place.startsWith("[") ? "" : ".") : ": "}${place}`;
  if (issue.code === "unrecognized_keys") {
    const names = issue.keys.map((name) => `"${name}"`).join(", ");
    return new UserError(`${where} has no field ${names}; remove or correct it (docs/studies.md describes a study file)`);
  }
  const found = issue.path.reduce<unknown>(
    (part, key) => (typeof part === "object" && part !== null ? Reflect.get(part, key) : undefined),
    value,
  );
  const expected = expectation(issue.message);
  if (found === undefined) return new UserError(`${where} is missing: ${expected}; add it`);
  return new UserError(`${where} is ${shorten(JSON.stringify(found))}: ${expected}; change it`);
}

/** ["rows", 1, "width"] -> "rows[1].width" */
function placeOf(path: readonly PropertyKey[]): string {
  const parts = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key.toString()}`));
  return parts.join("").replace(/^\./, "");
}

/** Zod's "Invalid input: expected number, received string" without what is said already. */
function expectation(message: string): string {
  return message
    .replace(/^[^:]*: (?=expected)/, "")
    .replace(/, received .*$/, "")
    .replace(/\bint\b/, "a whole number")
    .replace(/^([A-Z])(?=[a-z])/, (letter) => letter.toLowerCase());
}

function shorten(text: string): string {
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 3)}...` : text;
}
