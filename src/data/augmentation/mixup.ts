/**
 * Mixup on a finished batch: each image becomes a weighted mean of itself and a partner. Partners come in pairs, so two images are
 * read and written together and no copy of the batch is needed.
 */
import type { BatchSlot } from "../loading/batch-ring.js";
import { Random } from "../random.js";
import { mixInto } from "./raw-images.js";

/** Keeps the draws of mixup apart from those of the augmentation. */
const MIX_STREAM = 0x6d697875;

/**
 * Mixes the first `count` images of a slot in place and sets its `mixLabels` and `mixWeight`. In an odd batch one image stays as it is. Raw
 * images are told what becomes of them.
 *
 * @param alpha weights are drawn from Beta(alpha, alpha), one for each image
 */
export function mixBatch(slot: BatchSlot, count: number, alpha: number, seed: number, epoch: number): void {
  const random = new Random(seed, epoch, slot.indices[0], MIX_STREAM);
  const order = Uint32Array.from({ length: count }, (_, position) => position);
  random.shuffle(order);
  const length = slot.images.length / slot.indices.length;
  for (let pair = 0; pair + 1 < count; pair += 2) {
    const one = order[pair];
    const other = order[pair + 1];
    const oneWeight = Math.fround(beta(alpha, random));
    const otherWeight = Math.fround(beta(alpha, random));
    if (slot.raw === undefined) mixPair(slot.images, one * length, other * length, length, oneWeight, otherWeight);
    else {
      mixInto(slot.raw, one, other, oneWeight);
      mixInto(slot.raw, other, one, otherWeight);
    }
    slot.mixLabels[one] = slot.labels[other];
    slot.mixLabels[other] = slot.labels[one];
    slot.mixWeight[one] = oneWeight;
    slot.mixWeight[other] = otherWeight;
  }
}

function mixPair(images: Float32Array, one: number, other: number, length: number, oneWeight: number, otherWeight: number): void {
  for (let at = 0; at < length; at++) {
    const a = images[one + at];
    const b = images[other + at];
    images[one + at] = oneWeight * a + (1 - oneWeight) * b;
    images[other + at] = otherWeight * b + (1 - otherWeight) * a;
  }
}

/** A draw from Beta(alpha, alpha), by two gamma draws. */
function beta(alpha: number, random: Random): number {
  const one = logGamma(alpha, random);
  const other = logGamma(alpha, random);
  return 1 / (1 + Math.exp(other - one));
}

/**
 * Logarithm of a draw from Gamma(shape, 1) (Marsaglia and Tsang 2000); in logarithms, as draws for a small shape fall below the
 * smallest number.
 */
function logGamma(shape: number, random: Random): number {
  if (shape < 1) return logGamma(shape + 1, random) + Math.log(1 - random.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = random.normal();
    const cube = (1 + c * normal) ** 3;
    if (cube <= 0) continue;
    const logUniform = Math.log(1 - random.uniform());
    if (logUniform < normal ** 2 / 2 + d - d * cube + d * Math.log(cube)) return Math.log(d * cube);
  }
}
