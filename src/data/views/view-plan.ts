/**
 * Views: the fixed ways in which each image is shown to a network that learns from answers which a teacher has given once. Where images are
 * only moved and mirrored, all that can be drawn are views, and training draws as ever; elsewhere some crops of each image are drawn once,
 * by their own seed, and training draws one of them.
 */
import { Random } from "../random.js";
import type { AnswerForm } from "./answers.js";

/** Keeps the draws of a view's crop apart from all other uses of the same seed. */
const VIEW_STREAM = 0x76696577;

/** What a loader needs to know of views; can be posted to a worker. */
export interface ViewPlan {
  /** Where views are drawn: their seed, how many an image has, and its key; undefined where every window of the crop is one. */
  readonly crops: ViewCrops | undefined;
  /** The epoch is the number of the view that all images are shown in, for a teacher to answer; else it is drawn for each. */
  readonly eachEpoch: boolean;
  /** Where answers to them lie; undefined where they are asked for. */
  readonly answers: AnswerSource | undefined;
}

export interface ViewCrops {
  readonly seed: number;
  readonly count: number;
  /** [images, 2] what names each image, wherever it is in a set (image-keys.ts). */
  readonly keys: Uint32Array;
}

/** A file of answers: those to each image's views in their order, image by image. */
export interface AnswerSource {
  readonly path: string;
  readonly form: AnswerForm;
  /** Views of an image. */
  readonly count: number;
  /** [images of the set] where in the file an image of the set is. */
  readonly rows: Uint32Array;
}

/** The stream of all that happens to an image in a view. */
export function viewRandom({ seed, keys }: ViewCrops, index: number, view: number): Random {
  return new Random(seed, keys[2 * index], keys[2 * index + 1], view, VIEW_STREAM);
}
