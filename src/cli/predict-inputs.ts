/** The pictures that `rbnet predict` is given: files, folders of them, patterns that the shell did not expand, and standard input. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { globSync, isDynamicPattern } from "tinyglobby";
import { IMAGE_FILE_NAME } from "../data/decoding/file-content.js";
import { UserError } from "../errors.js";

/** Stands for the picture that comes by standard input. */
export const STANDARD_INPUT = "-";

/**
 * Paths of pictures in the order of the words, those of a folder or pattern by name. A word that is no folder and no pattern is a picture,
 * whether it is there or not: what is wrong with it is said where it is read.
 *
 * @throws UserError where a folder holds no pictures, a pattern fits none, or standard input is named twice
 */
export function picturePaths(words: readonly string[]): readonly string[] {
  if (words.filter((word) => word === STANDARD_INPUT).length > 1)
    throw new UserError("standard input (-) is given twice, and can be read once only; name it once");
  return words.flatMap((word) => {
    const status = word === STANDARD_INPUT ? undefined : statSync(word, { throwIfNoEntry: false });
    if (status?.isDirectory() === true) return picturesIn(word);
    return status === undefined && isDynamicPattern(word) ? picturesLike(word) : [word];
  });
}

function picturesIn(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const found = entries.filter(
    (entry) => !entry.isDirectory() && !entry.name.startsWith(".") && IMAGE_FILE_NAME.test(entry.name),
  );
  if (found.length === 0)
    throw new UserError(`${folder} holds no pictures; give a folder of JPEG, PNG, WebP, AVIF, GIF or TIFF files`);
  return found.map((entry) => join(entry.parentPath, entry.name)).sort();
}

function picturesLike(pattern: string): readonly string[] {
  const found = globSync(pattern, { expandDirectories: false }).sort();
  if (found.length === 0) throw new UserError(`no file fits the pattern ${pattern}; look where it should lead`);
  return found;
}

/** @throws UserError where nothing comes */
export async function readStandardInput(): Promise<Uint8Array> {
  const bytes = await buffer(process.stdin);
  if (bytes.length === 0)
    throw new UserError("nothing came by standard input; send the bytes of a picture, as in `rbnet predict model - < cat.jpg`");
  return bytes;
}
