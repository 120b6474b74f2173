/** What is wrong in a study file, as one sentence that names the place. */
import type { z } from "zod";
import { UserError } from "../errors.js";
import { firstProblem } from "../problems.js";

const LONGEST_VALUE = 40;

/** The first problem: what was found where, what was expected, what to do. */
export function malformed(origin: string, value: unknown, error: z.ZodError): UserError {
  const { place, found, message, unknownFields } = firstProblem(value, error);
  const where =
    place === "" ? origin : `${origin}${/[\])]$|settings$/.test(origin) ? (place.startsWith("[") ? "" : ".") : ": "}${place}`;
  if (unknownFields.length > 0) {
    const names = unknownFields.map((name) => `"${name}"`).join(", ");
    return new UserError(`${where} has no field ${names}; remove or correct it (docs/studies.md describes a study file)`);
  }
  const expected = expectation(message);
  if (found === undefined) return new UserError(`${where} is missing: ${expected}; add it`);
  return new UserError(`${where} is ${shorten(JSON.stringify(found))}: ${expected}; change it`);
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
