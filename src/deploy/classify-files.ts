/** Many picture files at once: decoded by workers and answered in batches, as an evaluation does it, and not one after the other. */
import type { Backend } from "../backend/device.js";
import type { SkippedImage } from "../data/dataset.js";
import { BadImageError } from "../data/decoding/bad-image.js";
import { fileSet } from "../data/sets/image-set.js";
import { PIXEL_LIMIT } from "../pixels/square.js";
import { bestOf, type Prediction, requireFinite } from "../runtime/classifier.js";
import type { Model } from "../runtime/model.js";
import { scoreImages } from "./score-images.js";

/** What a model says of a file, or why it cannot say anything. */
export type FileAnswer = { readonly path: string } & (
  | { readonly predictions: readonly Prediction[] }
  | { readonly error: string }
);

/**
 * Answers in the order of the paths; the `top` likeliest labels each, best first. Allocates on `backend`, and releases it at the end.
 *
 * @throws UserError where the model's numbers are not finite
 */
export async function* classifyFiles(
  backend: Backend,
  model: Model,
  paths: readonly string[],
  top: number,
): AsyncGenerator<FileAnswer, void, undefined> {
  const set = fileSet(paths, new Uint16Array(paths.length), PIXEL_LIMIT, 1);
  const skipped: SkippedImage[] = [];
  const reasons = new Map<string, string>();
  let known = 0;
  for await (const { index, logits } of scoreImages(backend, model, set, skipped)) {
    for (; known < skipped.length; known++) reasons.set(skipped[known].path, skipped[known].reason);
    const path = paths[index];
    if (logits === undefined) {
      yield { path, error: new BadImageError(path, reasons.get(path) ?? "").message };
    } else {
      requireFinite(logits);
      yield { path, predictions: bestOf(logits, model.classes, top) };
    }
  }
}
