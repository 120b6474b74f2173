/**
 * Asks teachers, once, about a fixed set of views of each training image, and keeps their answers, so that trainings on the same images
 * learn from them at no cost (after fast distillation for ImageNet: Shen and Xing 2022). Images go through the loader that training has,
 * so that the pixels are the same, to the bit.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { type MachineSetup, machineOf } from "../../backend/machine.js";
import { openBackend } from "../../backend/open.js";
import { type Augmentation, checkAugmentation, geometryOf, windowCount } from "../../data/augmentation/augmentation.js";
import type { Dataset } from "../../data/dataset.js";
import { LEFT_OUT } from "../../data/loading/batch-source.js";
import { Loader } from "../../data/loading/loader.js";
import { pickImages, sharedUint32 } from "../../data/sets/image-set.js";
import { encodeAnswer } from "../../data/views/answers.js";
import { imageKeys, KEY_WORDS, pixelMark } from "../../data/views/image-keys.js";
import type { ViewCrops } from "../../data/views/view-plan.js";
import { readPlan, type ViewsFacts, type ViewsPlan, viewsFile } from "../../data/views/views-file.js";
import { type ImageRange, prepareViewsFolder, ViewsWriter } from "../../data/views/views-writer.js";
import { UserError } from "../../errors.js";
import { LARGE_SIDE } from "../../pixels/square.js";
import { RunClaim } from "../../stores/run-claim.js";
import { firstDifference } from "../records/difference.js";
import { resizedCrop, SMALLEST_CROP } from "../settings/standard-settings.js";
import { AveragedTeachers, type TeacherChoice } from "./averaged-teachers.js";

export interface ViewsSettings extends TeacherChoice, Omit<MachineSetup, "instructionSets"> {
  /** Folder of the views. */
  readonly out: string;
  /** Crop and mirroring; what is not given is as `usualViews` has it. */
  readonly augmentation?: Augmentation;
  /** Draw so many views of each image; default 100 where crops are scaled, and else every place of the crop is a view. */
  readonly count?: number;
  /** Of the views that are drawn; default 1. */
  readonly seed?: number;
  /** Workers that prepare images; default by the data and the cores. */
  readonly loaders?: number;
  /** Told how many answers of how many are there. */
  readonly progress?: (done: number, total: number) => void;
  /** Ends it early: what is there is kept, and the same call goes on from it. */
  readonly signal?: AbortSignal;
}

export interface MadeViews extends ViewsFacts {
  /** Of the folder. */
  readonly bytes: number;
}

/** Images that a teacher is asked about at once. */
const BATCH = 64;
const USUAL_COUNT = 100;
/** Small images have 98 views, moved by up to so many pixels and mirrored. */
const USUAL_PADDING = 3;

/** What views show where nobody has said otherwise. Small images move less than without views: 98 places take less room than 162. */
export function usualViews({ size, mirroring }: Pick<Dataset, "size" | "mirroring">): Augmentation {
  const padding = Math.min(USUAL_PADDING, size >> 3);
  const crop = size >= LARGE_SIDE ? resizedCrop(SMALLEST_CROP) : ({ kind: "pad", padding } as const);
  return { crop, flip: mirroring.allowed };
}

/**
 * Views of all training images of `data`, which should have none held out: they can be in each training. Undefined where the signal has
 * ended it.
 *
 * @throws UserError where a teacher does not fit the data, or the folder holds something else
 */
export async function makeViews(data: Dataset, settings: ViewsSettings): Promise<MadeViews | undefined> {
  const { out, signal, progress, loaders, teachers, pixels } = settings;
  const augmentation = geometryOf({ ...usualViews(data), ...settings.augmentation });
  checkAugmentation(augmentation, data.size);
  await prepareViewsFolder(out);
  await using _claim = await RunClaim.take(out, "a making of views");
  const machine = machineOf(settings);
  using backend = await openBackend(machine);
  await using asked = await AveragedTeachers.open({ teachers, ...(pixels === undefined ? {} : { pixels }) }, data, {
    backend,
    batch: BATCH,
    threads: machine.threads,
  });
  const keys = sharedUint32(imageKeys(data.train, data.classes));
  const plan = planOf(data, keys, augmentation, asked.digests, settings);
  requireSame(out, plan);
  const writer = await ViewsWriter.open(out, plan);
  const crops = plan.seed === undefined ? undefined : { seed: plan.seed, count: plan.count, keys };
  let done = 0;
  const total = plan.count * data.train.count;
  for (const [part, range] of writer.parts.entries()) {
    if (!writer.has(part)) {
      const show = (more: number): void => progress?.(done + more, total);
      const answers = await answersTo(range, data, { plan, crops, writer, asked, show, loaders, signal });
      if (answers === undefined) return undefined;
      await writer.write(part, answers.bytes, answers.marks);
    }
    done += plan.count * (range.end - range.first);
    progress?.(done, total);
  }
  const facts = await writer.finish(data.train.labels, keys);
  const files = (["views", "answers", "images"] as const).map((name) => statSync(viewsFile(out, name)).size);
  return { ...facts, bytes: files.reduce((sum, size) => sum + size, 0) };
}

function planOf(
  { name, classes, size, train, mean, standardDeviation }: Dataset,
  keys: Uint32Array,
  augmentation: Augmentation,
  digests: readonly string[],
  { teachers, pixels, count, seed = 1 }: ViewsSettings,
): ViewsPlan {
  const drawn = count !== undefined || augmentation.crop?.kind === "resized";
  const list = createHash("sha256").update(keys).digest("hex");
  return {
    format: "rbnet-views",
    version: 1,
    data: {
      name,
      classes: [...classes],
      size,
      images: train.count,
      list,
      decoded: train.source.kind === "memory",
      mean,
      standardDeviation,
    },
    augmentation,
    count: drawn ? (count ?? USUAL_COUNT) : windowCount(augmentation),
    ...(drawn ? { seed } : {}),
    teachers: teachers.map((file, place) => ({
      file,
      sha256: digests[place],
      ...(pixels === undefined || !file.endsWith(".onnx") ? {} : { pixels }),
    })),
  };
}

/** @throws UserError where other views were begun in the folder */
function requireSame(out: string, plan: ViewsPlan): void {
  const begun = readPlan(out);
  if (begun === undefined) return;
  const difference = firstDifference(begun, JSON.parse(JSON.stringify(plan)));
  if (difference !== undefined)
    throw new UserError(
      `${out} holds other views that are not finished (${difference.place} is ${difference.there} there, ${difference.now} now); go on ` +
        "with what they were begun with, or choose another folder",
    );
}

interface Asking {
  readonly plan: ViewsPlan;
  readonly crops: ViewCrops | undefined;
  readonly writer: ViewsWriter;
  readonly asked: AveragedTeachers;
  readonly show: (answers: number) => void;
  readonly loaders: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** To some images in all of their views, with the marks of their pixels in the first one; undefined where the signal has ended it. */
async function answersTo(
  range: ImageRange,
  { train }: Dataset,
  { plan, crops, writer, asked, show, loaders, signal }: Asking,
): Promise<{ readonly bytes: Uint8Array; readonly marks: Uint32Array } | undefined> {
  const { first, end } = range;
  const { size, mean, standardDeviation, classes } = plan.data;
  const bytes = new Uint8Array(writer.bytesOf(range));
  const marks = new Uint32Array(end - first);
  const images = Uint32Array.from({ length: end - first }, (_, place) => first + place);
  await using loader = new Loader(pickImages(train, images), {
    batch: Math.min(BATCH, images.length),
    size,
    mean,
    standardDeviation,
    augmentation: plan.augmentation,
    seed: 0,
    shuffle: false,
    dropLast: false,
    unreadable: "leave out",
    views: {
      crops: crops && { ...crops, keys: sharedUint32(crops.keys.slice(KEY_WORDS * first, KEY_WORDS * end)) },
      eachEpoch: true,
      answers: undefined,
    },
    ...(loaders === undefined ? {} : { workers: loaders }),
  });
  let done = 0;
  for (let view = 0; view < plan.count; view++)
    for await (const batch of loader.epoch(view)) {
      if (signal?.aborted === true) return undefined;
      const scores = await asked.ask(batch.images, batch.count);
      for (const [position, index] of batch.indices.entries()) {
        if (index === LEFT_OUT) continue;
        if (view === 0) marks[index] = pixelMark(batch.images, position, size);
        const own = scores.subarray(position * classes.length, (position + 1) * classes.length);
        encodeAnswer(own, writer.form, bytes, writer.placeIn(range, first + index, view));
      }
      done += batch.count;
      batch.release();
      show(done);
    }
  return { bytes, marks };
}
