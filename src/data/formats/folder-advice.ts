/** What is said of a folder without class folders: most often it is one too high, or what was downloaded is not unpacked yet. */
import { readdirSync } from "node:fs";
import { basename, join, sep } from "node:path";
import { UserError } from "../../errors.js";
import type { LeftOut } from "../dataset.js";
import { isShardFolder } from "../shards/shard-layout.js";
import { isCifarBinary } from "./cifar-binary.js";
import { type FolderEntries, isLitter, readEntries } from "./folder-entries.js";
import { isIdxFolder } from "./idx-folder.js";
import { LeftOutCounter, leftOutText } from "./left-out.js";
import { partNamed } from "./part-names.js";

/** Folders below one another in which data are looked for. */
const DEPTH = 3;
/** Folders in one, at most, in which they are looked for. */
const BREADTH = 100;
const PACKED_CIFAR = /^((data|test)_batch(_\d+)?|train|test)\.bin\.\w+$/;

/** `leftOut`: what else lies in the folder. */
export function noClasses(root: string, { folders, images }: FolderEntries, leftOut: readonly LeftOut[]): UserError {
  const names = readdirSync(root).filter((name) => !isLitter(name));
  const download = downloadText(root, names);
  if (download !== undefined) return new UserError(download);
  const nested = folders.flatMap((name) => dataBelow(join(root, name), DEPTH));
  const [found] = nested;
  if (found !== undefined)
    return new UserError(
      `${root} ${folders.length === 1 ? `holds a single folder, ${folders[0]}/` : "holds no class folders"}, ` +
        `but ${found.path} ${found.what}: give ${nested.map(({ path }) => path).join(" or ")}`,
    );
  if (folders.length === 1)
    return new UserError(`${root} holds a single class, "${folders[0]}": a classifier needs at least 2 class folders`);
  if (images.length > 0)
    return new UserError(
      `${root} holds images but no class folders: put the images of each class in a folder named after the class`,
    );
  const rest = leftOut.filter(({ litter }) => litter !== true);
  if (rest.length > 0)
    return new UserError(
      `${root} holds no class folders, but ${rest.slice(0, 3).map(leftOutText).join(", ")}: expected one folder of images per class`,
    );
  return new UserError(`${root} is empty: expected one folder of images per class`);
}

/** Of what people download and do not unpack, or in another edition. */
function downloadText(root: string, names: readonly string[]): string | undefined {
  const place = basename(root);
  if (names.includes("data_batch_1") && names.includes("batches.meta"))
    return pythonText(root, "CIFAR-10", "cifar-10-binary.tar.gz", "cifar-10-batches-bin");
  if (["train", "test", "meta"].every((name) => names.includes(name)) && /cifar/i.test(place))
    return pythonText(root, "CIFAR-100", "cifar-100-binary.tar.gz", "cifar-100-binary");
  const packed = names.find((name) => PACKED_CIFAR.test(name));
  if (packed !== undefined)
    return `${root} holds CIFAR's files compressed, such as ${packed}: unpack them, for example by \`gunzip ${join(root, "*.gz")}\``;
  const archive = names.find((name) => /\.(zip|tar|tgz|gz|bz2|xz|zst|7z|rar)$/i.test(name));
  if (archive !== undefined)
    return `${root} holds no class folders, but an archive, ${archive}: unpack it, and give the folder that comes out`;
  return undefined;
}

function pythonText(root: string, name: string, archive: string, folder: string): string {
  return (
    `${root} is the Python version of ${name}, whose pickles are not read: download the binary version, ${archive}, ` +
    `and give its folder ${folder}`
  );
}

/** Folders at or below `folder` that could have been given, and what they hold. */
function dataBelow(folder: string, depth: number): readonly { readonly path: string; readonly what: string }[] {
  const what = dataIn(folder);
  if (what !== undefined) return [{ path: folder, what }];
  if (depth === 0) return [];
  return foldersIn(folder).flatMap((name) => dataBelow(join(folder, name), depth - 1));
}

function dataIn(folder: string): string | undefined {
  const names = readdirSync(folder);
  if (isCifarBinary(names)) return "holds CIFAR's binary files";
  if (isIdxFolder(names)) return "holds IDX files";
  if (isShardFolder(folder)) return "holds tar shards";
  const inside = foldersIn(folder);
  const holdsImages = (name: string): boolean => readEntries(join(folder, name), new LeftOutCounter(folder)).images.length > 0;
  const train = inside.find((name) => partNamed(name) === "train" && foldersIn(join(folder, name)).length > 1);
  if (train !== undefined) return `holds ${train}${sep} with class folders`;
  const classes = inside.filter(holdsImages);
  return classes.length < 2
    ? undefined
    : `holds ${classes.length} folders of images (${classes.slice(0, 3).join(", ")}${classes.length > 3 ? ", ..." : ""})`;
}

function foldersIn(folder: string): readonly string[] {
  return readEntries(folder, new LeftOutCounter(folder)).folders.slice(0, BREADTH);
}
