/**
 * Which shards of a folder are for training, validation and test, by their folders (train/000.tar) or, as WebDataset names them,
 * by the word in their names (imagenet-train-000000.tar); and the class names beside them. Touches names and sizes only; no shard
 * is opened here.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import type { Part } from "../dataset.js";
import { partNamed } from "../formats/part-names.js";
import { HIGHEST_LABEL } from "./shard-index.js";

export interface ShardFile {
  readonly path: string;
  readonly part: Part;
  /** Size and time of change, by which the index knows that a shard is still the same. */
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface ShardLayout {
  /** Sorted by part and path. */
  readonly shards: readonly ShardFile[];
  /** The lines of classes.txt, where there is one. */
  readonly classes: readonly string[] | undefined;
  readonly hasValidation: boolean;
  readonly hasTest: boolean;
}

const PARTS: Readonly<Record<string, Part>> = {
  train: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  test: "test",
};
const SHARD_NAME = /\.tar$/i;
const PACKED_NAME = /\.(tar\.(gz|bz2|xz|zst)|tgz)$/i;
const PART_IN_NAME = /(?:^|[-_.])(train|val|valid|validation|test)(?![a-z])/gi;
const LONGEST_CLASSES = 1 << 24;

/** Whether the folder holds training shards; a folder with class folders and an archive beside them does not. */
export function isShardFolder(root: string): boolean {
  const top = namesIn(root);
  const train = top.folders.find((name) => partNamed(name) === "train");
  const inTrain = train === undefined ? NOTHING : namesIn(join(root, train));
  const all = [...top.shards, ...top.packed];
  if (inTrain.shards.length + inTrain.packed.length > 0) return inTrain.folders.length === 0;
  if (all.some((name) => partOf(name) === "train")) return true;
  return top.shards.length > 0 && top.folders.every((name) => partNamed(name) !== undefined);
}

/**
 * Lists the shards of `root`; where no name says what a shard is for, all are for training.
 *
 * @throws UserError where there are none for training, classes.txt is malformed, or shards are packed by gzip or the like
 */
export function readShardLayout(root: string): ShardLayout {
  const top = namesIn(root);
  const shards: ShardFile[] = [];
  const add = (folder: string, name: string, part: Part): void => {
    const path = join(folder, name);
    const { size, mtimeMs } = statSync(path);
    shards.push({ path, part, bytes: size, modifiedMs: mtimeMs });
  };
  const named = top.shards.some((name) => partOf(name) === "train");
  for (const name of top.shards) {
    const part = named ? partOf(name) : "train";
    if (part !== undefined) add(root, name, part);
  }
  for (const folder of top.folders) {
    const part = partNamed(folder);
    if (part === undefined) continue;
    const inside = namesIn(join(root, folder));
    for (const name of inside.shards) add(join(root, folder), name, part);
    refusePacked(join(root, folder), inside.packed);
  }
  refusePacked(
    root,
    top.packed.filter((name) => partOf(name) !== undefined),
  );
  if (!shards.some(({ part }) => part === "train"))
    throw new UserError(`${root} holds no shards to train on: expected train/*.tar or files such as photos-train-000000.tar`);
  const train = top.folders.find((name) => partNamed(name) === "train");
  const order: readonly Part[] = ["train", "validation", "test"];
  shards.sort((a, b) => order.indexOf(a.part) - order.indexOf(b.part) || (a.path < b.path ? -1 : 1));
  return {
    shards,
    classes: readClasses(root) ?? (train === undefined ? undefined : readClasses(join(root, train))),
    hasValidation: shards.some(({ part }) => part === "validation"),
    hasTest: shards.some(({ part }) => part === "test"),
  };
}

/** By the last such word: what stands before it is the data's own name, as in train-stations-val-000000.tar. */
function partOf(name: string): Part | undefined {
  return PARTS[[...name.matchAll(PART_IN_NAME)].at(-1)?.[1].toLowerCase() ?? ""];
}

interface ShardNames {
  readonly shards: string[];
  readonly packed: string[];
  readonly folders: string[];
}

const NOTHING: ShardNames = { shards: [], packed: [], folders: [] };

/** Visible names in a folder; none where it cannot be read. */
function namesIn(folder: string): ShardNames {
  const found: ShardNames = { shards: [], packed: [], folders: [] };
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => !name.startsWith("."));
  } catch {
    return found;
  }
  for (const name of names) {
    if (PACKED_NAME.test(name)) found.packed.push(name);
    const status = statSync(join(folder, name), { throwIfNoEntry: false });
    if (status?.isDirectory()) found.folders.push(name);
    else if (status?.isFile() && SHARD_NAME.test(name)) found.shards.push(name);
  }
  return found;
}

function refusePacked(folder: string, [name]: readonly string[]): void {
  if (name === undefined) return;
  throw new UserError(
    `${join(folder, name)} is compressed, but a shard is read where its images lie: unpack it to a plain .tar (images do not get smaller)`,
  );
}

function readClasses(folder: string): readonly string[] | undefined {
  const path = join(folder, "classes.txt");
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return undefined;
  const fail = (found: string): never => {
    throw new UserError(`${path} ${found}: it should name a class a line, in the order of their numbers`);
  };
  if (!status.isFile() || status.size > LONGEST_CLASSES) return fail("is no list of class names");
  const lines = readFileSync(path, "utf8").replace(/\s+$/, "").split(/\r?\n/);
  const names = lines.map((line) => line.trim());
  const empty = names.indexOf("");
  if (empty >= 0) return fail(`has an empty line, ${empty + 1}`);
  if (names.length < 2) return fail("names a single class, but a classifier needs at least 2");
  if (names.length > HIGHEST_LABEL + 1) return fail(`has ${names.length} lines, but at most 65,536 classes are supported`);
  const seen = new Set<string>();
  const again = names.find((name) => seen.size === seen.add(name).size);
  if (again !== undefined) return fail(`names "${again}" twice`);
  return names;
}
