/** EMNIST's mapping file: a line a class, its label and the codes of the characters that it stands for. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.js";

/**
 * Names of the labels from `lowest` to `highest`, as "7", or "Aa" where a class has both letters; undefined without a file.
 *
 * @param prefix of the images' files, such as "emnist-letters-"
 * @throws UserError where a label has no line, two have the same characters, or a line is something else
 */
export function mappedNames(
  root: string,
  prefix: string,
  found: readonly string[],
  lowest: number,
  highest: number,
): readonly string[] | undefined {
  const file = `${prefix}mapping.txt`;
  if (prefix === "" || !found.includes(file)) return undefined;
  const path = join(root, file);
  const fail = (problem: string): never => {
    throw new UserError(`${path} ${problem}; get it again, or remove it to have numbers for names`);
  };
  const names = new Map<number, string>();
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (line.trim() === "") continue;
    const [label, ...codes] = line.trim().split(/\s+/).map(Number);
    const isLine = Number.isInteger(label) && codes.length > 0 && codes.every((code) => code > 32 && code < 127);
    if (!isLine)
      return fail(`has the line ${JSON.stringify(line.trim().slice(0, 40))}, and a label with codes of characters is expected`);
    names.set(label, String.fromCharCode(...codes));
  }
  const labels = Array.from({ length: highest - lowest + 1 }, (_, index) => index + lowest);
  const missing = labels.find((label) => !names.has(label));
  if (missing !== undefined) return fail(`has no line for the label ${missing}`);
  const classes = labels.map((label) => names.get(label) ?? "");
  return new Set(classes).size === classes.length ? classes : fail("names two labels alike");
}
