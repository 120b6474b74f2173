/** `rbnet shards`: a folder of images as tar shards, which are read from front to back instead of a file an image. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { removeUnfinished } from "../atomic-file.js";
import { writeShards } from "../data/shards/write-shards.js";
import { UserError } from "../errors.js";
import { formatInteger } from "../quantities.js";
import { readPositive, readSeed } from "./flags.js";
import { Interrupts } from "./interrupts.js";
import { print, printJson, tell, tellLeftOut, tellSkipped } from "./output.js";
import { ProgressBar } from "./progress-bar.js";

interface ShardsFlags {
  readonly imagesPerShard: number;
  readonly seed: number;
  readonly size?: number;
  readonly quality?: number;
  readonly json?: boolean;
}

/** Differences of it are hard to see, and harder for a network. */
const USUAL_QUALITY = 90;

function readQuality(text: string): number {
  const quality = readPositive(text);
  if (quality > 100) throw new InvalidArgumentError("A whole number from 1 to 100 is expected.");
  return quality;
}

export function addShards(program: Command): void {
  program
    .command("shards")
    .description("write a folder of images by class as tar shards (WebDataset), to train on without a file an image")
    .argument("<folder>", "one folder of images a class, or train/ and val/ or test/ with such folders")
    .argument("<out>", "folder to make, for the shards and classes.txt")
    .option("--images-per-shard <n>", "images in a shard; the last has the rest", readPositive, 1000)
    .option(
      "--size <pixels>",
      "make images smaller whose shorter side is longer, as JPEG (default: copy all as they are)",
      readPositive,
    )
    .option("--quality <n>", `of that JPEG, 1 to 100 (default: ${USUAL_QUALITY})`, readQuality)
    .option("--seed <n>", "decides the order, which mixes the classes", readSeed, 1)
    .option("--json", "one JSON object on standard output: folder, shards, images, skipped")
    .addHelpText("after", "\nExample:\n  rbnet shards imagenet imagenet-shards && rbnet train imagenet-shards --network rbnet18")
    .action(makeShards);
}

async function makeShards(folder: string, out: string, flags: ShardsFlags): Promise<void> {
  const { imagesPerShard, seed, size, quality = USUAL_QUALITY, json = false } = flags;
  if (size === undefined && flags.quality !== undefined)
    throw new UserError("--quality is that of images which --size makes smaller; give --size, too");
  const reduction = size === undefined ? undefined : { side: size, quality };
  requireFree(out);
  if (existsSync(dirname(resolve(out)))) await removeUnfinished(dirname(resolve(out)), basename(resolve(out)));
  const progress = new ProgressBar(json);
  const stop = new AbortController();
  using interrupts = new Interrupts(() => {
    progress.clear();
    tell("removing the unfinished shards");
    stop.abort();
  });
  try {
    const written = await writeShards(folder, out, {
      imagesPerShard,
      seed,
      reduction,
      progress: progress.writing,
      signal: stop.signal,
    });
    progress.clear();
    const { shards, images, skipped, leftOut } = written;
    tellLeftOut(leftOut);
    tellSkipped({ count: skipped.length, named: skipped });
    if (json) printJson({ folder: out, shards, images, skipped: skipped.length });
    else print(`${out}: ${formatInteger(images)} images in ${formatInteger(shards)} shard${shards === 1 ? "" : "s"}`);
  } catch (error) {
    progress.clear();
    if (!stop.signal.aborted) throw error;
    process.exitCode = interrupts.exitCode;
  }
}

function requireFree(out: string): void {
  const status = statSync(out, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isDirectory())
    throw new UserError(`cannot write shards to ${out}: there is a file in its place; choose another path`);
  if (readdirSync(out).length > 0)
    throw new UserError(`cannot write shards to ${out}: it holds something already; choose a new folder`);
}
