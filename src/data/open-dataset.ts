/** The one door to data: what lies at a path, or nothing, decides which maker of data sets opens it. */
import { readdirSync } from "node:fs";
import { UserError } from "../errors.js";
import type { Dataset, DatasetOptions } from "./dataset.js";
import { cifarBinary, isCifarBinary } from "./formats/cifar-binary.js";
import { idxFolder, isIdxFolder } from "./formats/idx-folder.js";
import { imageFolder } from "./formats/image-folder.js";
import { shapes } from "./shapes/shapes.js";
import { shardFolder } from "./shards/shard-folder.js";
import { isShardFolder } from "./shards/shard-layout.js";

/**
 * Opens a data set: the generator where `path` is "shapes" or undefined, else a folder in CIFAR's binary format, in IDX format, of tar
 * shards, or of images by class.
 *
 * @throws UserError where nothing usable is there, in one sentence that says what to do
 */
export async function openDataset(options: DatasetOptions & { readonly path?: string | undefined } = {}): Promise<Dataset> {
  const { path, emnistSplit } = options;
  if (emnistSplit !== undefined && (path === undefined || !isIdxFolder(namesIn(path))))
    throw new UserError(`${path ?? "shapes"} has no splits; leave --emnist-split away, or give the folder with EMNIST's files`);
  if (path === undefined || path === "shapes") return shapes(options);
  const names = namesIn(path);
  if (isCifarBinary(names)) return cifarBinary(path, options);
  if (isIdxFolder(names)) return idxFolder(path, options);
  return isShardFolder(path) ? shardFolder(path, options) : imageFolder(path, options);
}

/** Entries of a folder; none where it cannot be read, which imageFolder then says in full. */
function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
