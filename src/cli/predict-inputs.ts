/** The pictures that `rbnet predict` is given: files, folders of them, patterns that the shell did not expand, and standard input. */
import { statSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { globSync, isDynamicPattern } from "tinyglobby";
import { imagesBelow } from "../data/formats/folder-entries.js";
import { LeftOutCounter, leftOutText } from "../data/formats/left-out.js";
import { UserError } from "../errors.js";
import { tellLeftOut } from "./output.js";

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
  const leftOut = new LeftOutCounter(folder);
  const found = imagesBelow(folder, leftOut);
  if (found.length === 0) {
    const others = leftOut.list.slice(0, 3).map(leftOutText).join(", ");
    throw new UserError(
      `${folder} holds no pictures${others === "" ? "" : `, but ${others}`}; ` +
        "give a folder of JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP files",
    );
  }
  tellLeftOut(leftOut.list);
  return found.map(({ path }) => path).sort();
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
