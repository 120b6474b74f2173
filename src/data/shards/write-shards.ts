/**
 * A folder of images by class as WebDataset shards: samples of all classes mixed by a seed, so that a stretch of a shard is a
 * fair sample of the data. The same folder and seed give the same bytes.
 */
import { readFile, realpath } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { writeFileAtomic, writeFolderAtomic } from "../../atomic-file.js";
import { messageOf, UserError } from "../../errors.js";
import type { LeftOut, Part, SkippedImage } from "../dataset.js";
import { BadImageError } from "../decoding/bad-image.js";
import { contentOf, HEAD_BYTES, IMAGE_FILE_NAME } from "../decoding/file-content.js";
import { imageShape, type Reduction, smallerImage } from "../decoding/image-file.js";
import { requireFewSkipped, USUAL_BAD_FRACTION } from "../decoding/skipped-images.js";
import { type ImageFile, readFolderLayout } from "../formats/folder-layout.js";
import { Random } from "../random.js";
import { TAR_END, tarFile } from "./tar.js";

/** Keeps the draws of the order apart from all other uses of the same seed. */
const SHARD_STREAM = 0x73687264;
/** Read and checked at once. */
const IN_FLIGHT = 16;
const PART_NAMES: Readonly<Record<Part, string>> = { train: "train", validation: "val", test: "test" };
/** A name in a tar has 100 bytes; the rest is number, ending and room. */
const LONGEST_STEM = 60;

export interface ShardOptions {
  readonly imagesPerShard: number;
  readonly seed: number;
  /** Of images whose shorter side is longer; default none: images are copied as they are. */
  readonly reduction?: Reduction | undefined;
  readonly progress?: (done: number, total: number) => void;
  /** Ends the writing, with nothing left behind. */
  readonly signal?: AbortSignal;
}

export interface WrittenShards {
  readonly shards: number;
  readonly images: number;
  readonly skipped: readonly SkippedImage[];
  /** What lay beside the images. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * Writes <name>-train-000000.tar ..., -val- and -test- where the folder has such parts, and classes.txt to the new folder `out`.
 * Images are copied as they are, or made smaller; those whose header is no image's, or that cannot be made smaller, are left out.
 *
 * @throws UserError where the folder is not laid out by class, too many images are unusable, or `out` holds something or cannot be written
 */
export async function writeShards(folder: string, out: string, options: ShardOptions): Promise<WrittenShards> {
  const root = resolve(folder);
  const { classes, files, leftOut } = readFolderLayout(root);
  const name = classes.find((one) => /[\r\n]/.test(one) || one.trim() !== one);
  if (name !== undefined)
    throw new UserError(
      `the class folder ${JSON.stringify(name)} cannot be a line of classes.txt: give it a name without line breaks and blanks around it`,
    );
  const target = join(await parentOf(out), basename(resolve(out)));
  const writing = new ShardWriting(root, files, options);
  return writeFolderAtomic(target, async (unfinished) => {
    const prefix = basename(root).replace(/[^\w-]+/g, "_");
    for (const part of ["train", "validation", "test"] as const)
      await writing.writePart(part, join(unfinished, `${prefix}-${PART_NAMES[part]}`));
    await writeFileAtomic(join(unfinished, "classes.txt"), classes.map((one) => `${one}\n`).join(""));
    const { shards, images, skipped } = writing;
    return { shards, images, skipped, leftOut };
  });
}

async function parentOf(out: string): Promise<string> {
  const parent = resolve(out, "..");
  return realpath(parent).catch(() => {
    throw new UserError(`cannot write ${out}: the folder ${parent} does not exist; create it or choose another`);
  });
}

class ShardWriting {
  shards = 0;
  images = 0;
  readonly skipped: SkippedImage[] = [];
  private done = 0;

  constructor(
    readonly root: string,
    readonly files: readonly ImageFile[],
    readonly options: ShardOptions,
  ) {}

  /** `prefix`: of the paths of the part's shards. */
  async writePart(part: Part, prefix: string): Promise<void> {
    const { imagesPerShard, seed } = this.options;
    const files = this.files.filter((file) => file.part === part);
    const order = Uint32Array.from(files, (_, index) => index);
    new Random(seed, SHARD_STREAM).shuffle(order);
    for (let first = 0, shard = 0; first < order.length; first += imagesPerShard, shard++) {
      const rows = order.subarray(first, first + imagesPerShard);
      const samples = Array.from(rows, (row, place) => ({ file: files[row], number: first + place }));
      await writeFileAtomic(`${prefix}-${String(shard).padStart(6, "0")}.tar`, this.shard(samples));
      this.shards++;
    }
  }

  private async *shard(samples: readonly { readonly file: ImageFile; readonly number: number }[]): AsyncGenerator<Uint8Array> {
    const { progress, signal, reduction } = this.options;
    for (let first = 0; first < samples.length; first += IN_FLIGHT) {
      if (signal?.aborted === true) throw new UserError("stopped before all shards were written; nothing is left of them");
      const some = samples.slice(first, first + IN_FLIGHT);
      const read = await Promise.all(some.map(({ file }) => readImage(file.path, reduction)));
      for (const [place, { file, number }] of some.entries()) {
        const image = read[place];
        if (typeof image === "string") {
          this.skipped.push({ path: file.path, reason: image });
          continue;
        }
        this.images++;
        const key = sampleKey(file.path, number);
        yield tarFile(`${key}${image.ending}`, image.bytes);
        yield tarFile(`${key}.cls`, Buffer.from(String(file.label)));
      }
      this.done += some.length;
      requireFewSkipped(`in ${this.root}`, this.skipped, this.files.length, USUAL_BAD_FRACTION);
      progress?.(this.done, this.files.length);
    }
    yield TAR_END;
  }
}

interface ShardImage {
  readonly bytes: Uint8Array;
  readonly ending: string;
}

/** An image as a shard has it, or why it has none. */
async function readImage(path: string, reduction: Reduction | undefined): Promise<ShardImage | string> {
  try {
    const bytes = await readFile(path);
    if (bytes.length === 0) return "it is empty";
    const smaller = reduction === undefined ? undefined : await smallerImage(bytes, reduction);
    if (smaller !== undefined) return { bytes: smaller, ending: ".jpg" };
    if (reduction === undefined) await imageShape(bytes);
    return { bytes, ending: endingOf(path, bytes) };
  } catch (error) {
    return error instanceof BadImageError ? error.reason : `it cannot be read (${messageOf(error)})`;
  }
}

/** What a reader of shards knows an image by: that of its content, where the file has none or another. */
function endingOf(path: string, bytes: Uint8Array): string {
  const content = contentOf(bytes.subarray(0, HEAD_BYTES));
  if (IMAGE_FILE_NAME.test(path) || typeof content !== "string") return extname(path).toLowerCase();
  return content === "JPEG" ? ".jpg" : `.${content.toLowerCase()}`;
}

/** The number makes it unique in its part; a dot would end it. */
function sampleKey(path: string, number: number): string {
  const stem = basename(path, extname(path)).replace(/[^\w-]+/g, "_");
  return `${String(number).padStart(8, "0")}-${stem.slice(0, LONGEST_STEM)}`;
}
