/** A folder of images by class as one labelled set, for a model whose classes are known: nothing is held out, and nothing is trained. */
import { readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { UserError } from "../../errors.js";
import { PIXEL_LIMIT } from "../../pixels/square.js";
import type { ImageSet, LeftOut } from "../dataset.js";
import { fileSet } from "../sets/image-set.js";
import { isShardFolder } from "../shards/shard-layout.js";
import { isCifarBinary } from "./cifar-binary.js";
import { type ImagePath, imagesBelow, readEntries } from "./folder-entries.js";
import { OUTSIDE } from "./folder-layout.js";
import { isIdxFolder } from "./idx-folder.js";
import { LeftOutCounter } from "./left-out.js";
import { partNamed } from "./part-names.js";

export interface LabelledImages {
  readonly name: string;
  readonly set: ImageSet;
  /** Classes that the folder has no images of. */
  readonly absent: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

/** Whether a path is a folder with a folder a class and nothing else: no parts, and no other format. */
export function isLabelledFolder(path: string): boolean {
  const names = namesIn(path);
  if (names.length === 0 || isCifarBinary(names) || isIdxFolder(names) || isShardFolder(path)) return false;
  const { folders } = readEntries(path, new LeftOutCounter(path));
  const holdsFolders = (name: string): boolean => readEntries(join(path, name), new LeftOutCounter(path)).folders.length > 0;
  return folders.length > 0 && !folders.some((name) => partNamed(name) !== undefined && holdsFolders(name));
}

/**
 * All images of a folder with one folder per class, labelled by the names of `classes`, of which the folder may lack some.
 *
 * @throws UserError where it holds no images, or a folder that is none of the classes
 */
export function labelledFolder(path: string, classes: readonly string[]): LabelledImages {
  const root = resolve(path);
  const leftOut = new LeftOutCounter(root);
  const { folders, images } = readEntries(root, leftOut);
  for (const { path: image } of images) leftOut.add(OUTSIDE, image);
  const labels = new Map(classes.map((name, label) => [name.normalize(), label]));
  const files: (ImagePath & { readonly label: number })[] = [];
  for (const folder of folders) {
    const label = labels.get(folder.normalize());
    const inside = imagesBelow(join(root, folder), leftOut);
    if (label === undefined && inside.length > 0) throw unknownFolder(root, folder, classes);
    if (label !== undefined) for (const image of inside) files.push({ ...image, label });
  }
  if (files.length === 0)
    throw new UserError(`${root} holds no images in class folders: give a folder with one folder of images per class`);
  files.sort((one, other) => one.label - other.label || (one.path < other.path ? -1 : 1));
  const present = new Set(files.map(({ label }) => label));
  return {
    name: basename(root),
    set: fileSet(
      files.map((file) => file.path),
      Uint16Array.from(files, ({ label }) => label),
      PIXEL_LIMIT,
    ),
    absent: classes.filter((_, label) => !present.has(label)),
    leftOut: leftOut.list,
  };
}

function unknownFolder(root: string, folder: string, classes: readonly string[]): UserError {
  const some = classes.slice(0, 5).join(", ") + (classes.length > 5 ? ", ..." : "");
  return new UserError(
    `${root} has a class "${folder}" that the model does not know (it knows ${some}): give images of its classes, under their names`,
  );
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
