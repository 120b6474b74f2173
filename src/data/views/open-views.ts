/**
 * Opens a folder of views for a training: finds each of its images there, and makes sure that the pixels are those that the teacher has
 * seen. What does not fit is said in one sentence, for a wrong answer would go unseen.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { codeOf, UserError } from "../../errors.js";
import type { Channels } from "../../pixels/square.js";
import { type Augmentation, geometryOf } from "../augmentation/augmentation.js";
import type { Dataset, ImageSet } from "../dataset.js";
import { Loader } from "../loading/loader.js";
import { pickImages, sharedUint32 } from "../sets/image-set.js";
import { answerBytes, answerForm } from "./answers.js";
import { IMAGE_BYTES, imageKeys, KEY_WORDS, pixelMark, rowsOf } from "./image-keys.js";
import type { ViewPlan } from "./view-plan.js";
import { damaged, readViews, type ViewsFacts, viewsFile } from "./views-file.js";

/** Images whose pixels are compared with those that the teacher has seen. */
const COMPARED = 16;

export interface OpenedViews {
  readonly plan: ViewPlan;
  /** What the images are normalized by, whichever of them are trained on. */
  readonly mean: Channels;
  readonly standardDeviation: Channels;
  /** SHA-256 that stands for all answers and for what they are of. */
  readonly digest: string;
}

/** @throws UserError where the views are damaged, or are of other images, another size, other classes or other crops */
export async function openViews(folder: string, data: Dataset, augmentation: Augmentation): Promise<OpenedViews> {
  const { facts, digest } = readViews(folder);
  requireFit(folder, facts, data, augmentation);
  const { count, seed, files } = facts;
  const { size, classes, images, mean, standardDeviation } = facts.data;
  const form = answerForm(classes.length);
  const listed = await readWhole(viewsFile(folder, "images"), files.images, images * IMAGE_BYTES, true);
  await readWhole(viewsFile(folder, "answers"), files.answers, images * count * answerBytes(form), false);
  const words = new Uint32Array(listed.buffer, listed.byteOffset, listed.byteLength / 4);
  const [known, marks] = [words.subarray(0, KEY_WORDS * images), words.subarray(KEY_WORDS * images)];
  const keys = imageKeys(data.train, data.classes);
  const rows = rowsOf(keys, known);
  if (!(rows instanceof Uint32Array))
    throw new UserError(
      `the views ${folder} have none of the training image ${data.train.nameOf(rows.missing)}; make views of these data, or train on ` +
        "those that the views are of",
    );
  const crops = seed === undefined ? undefined : { seed, count, keys: sharedUint32(keys) };
  await requireSamePixels(folder, data.train, { facts, crops, rows, marks, size });
  const answers = { path: viewsFile(folder, "answers"), form, count, rows: sharedUint32(rows) };
  return { plan: { crops, eachEpoch: false, answers }, mean, standardDeviation, digest };
}

function requireFit(folder: string, facts: ViewsFacts, data: Dataset, augmentation: Augmentation): void {
  const { size, classes, decoded } = facts.data;
  if (size !== data.size)
    throw new UserError(
      `the views ${folder} are of ${size} x ${size} pixels, and the data are opened with ${data.size} x ${data.size}; give --size ` +
        `${size}, or make views of that size`,
    );
  const other = data.classes.findIndex((name, label) => name !== classes[label]);
  if (other >= 0 || classes.length !== data.classes.length)
    throw new UserError(
      `the views ${folder} are of ${classes.length} classes (${classes.slice(0, 3).join(", ")}...), and the data have ` +
        `${data.classes.length} (${data.classes.slice(0, 3).join(", ")}...); make views of these data`,
    );
  if (decoded !== (data.train.source.kind === "memory"))
    throw new UserError(
      `the views ${folder} are of images that were ${decoded ? "decoded once and cropped in memory" : "decoded crop by crop"}, and ` +
        `these are ${decoded ? "decoded crop by crop" : "decoded once"}, which gives other pixels; make views of the data as they lie here`,
    );
  const [there, now] = [facts.augmentation, augmentation].map(cropText);
  if (there !== now)
    throw new UserError(
      `the views ${folder} are of images ${there}, and the training's are ${now}; leave the flags of crop and mirroring out, which views ` +
        "decide, or make views with them",
    );
}

/** "moved by up to 3 pixels and mirrored" */
function cropText(augmentation: Augmentation): string {
  const { crop, flip } = geometryOf(augmentation);
  const cut = crop.kind === "pad" ? `moved by up to ${crop.padding} pixels` : `cut to ${crop.scale.join(" to ")} of the area`;
  const ratio = crop.kind === "pad" ? "" : ` with sides of ${crop.ratio.map((side) => Number(side.toFixed(3))).join(" to ")}`;
  return `${cut}${ratio}, ${flip ? "mirrored every other time" : "never mirrored"}`;
}

/** @throws UserError where a picture is not what the teacher has seen: it was changed, or is decoded or scaled otherwise */
async function requireSamePixels(
  folder: string,
  train: ImageSet,
  {
    facts,
    crops,
    rows,
    marks,
    size,
  }: Pick<ViewPlan, "crops"> & { facts: ViewsFacts; rows: Uint32Array; marks: Uint32Array; size: number },
): Promise<void> {
  const compared = Math.min(COMPARED, train.count);
  const chosen = Uint32Array.from({ length: compared }, (_, place) => Math.floor((place * train.count) / compared));
  const { mean, standardDeviation } = facts.data;
  const chosenKeys = (keys: Uint32Array): Uint32Array =>
    Uint32Array.from({ length: KEY_WORDS * compared }, (_, word) => keys[KEY_WORDS * chosen[word >> 1] + (word & 1)]);
  await using loader = new Loader(pickImages(train, chosen), {
    batch: compared,
    size,
    mean,
    standardDeviation,
    augmentation: facts.augmentation,
    seed: 0,
    shuffle: false,
    dropLast: false,
    unreadable: "leave out",
    workers: 1,
    views: { crops: crops && { ...crops, keys: chosenKeys(crops.keys) }, eachEpoch: true, answers: undefined },
  });
  for await (const { images, indices, release } of loader.epoch(0)) {
    for (const [position, index] of chosen.entries()) {
      const mark = marks[rows[index]];
      if (indices[position] !== position || mark === 0 || mark === pixelMark(images, position, size)) continue;
      throw new UserError(
        `the picture ${train.nameOf(index)} is not what the teacher has seen when the views ${folder} were made (it was changed, or ` +
          "another version decodes it otherwise); make the views again",
      );
    }
    release();
  }
}

/** @throws UserError where a file is not the one that was written; its bytes where they are `wanted` */
async function readWhole(path: string, sha256: string, length: number, wanted: boolean): Promise<Uint8Array> {
  const hash = createHash("sha256");
  const kept = new Uint8Array(wanted ? length : 0);
  let read = 0;
  try {
    for await (const part of createReadStream(path)) {
      const bytes = part as Uint8Array;
      hash.update(bytes);
      if (wanted && read + bytes.length <= length) kept.set(bytes, read);
      read += bytes.length;
    }
  } catch (error) {
    throw new UserError(`cannot read the views ${path} (${codeOf(error)}); restore the file, or make the views again`, {
      cause: error,
    });
  }
  if (read !== length || hash.digest("hex") !== sha256) throw damaged(path, "its bytes are not those that were written");
  return kept;
}
