/**
 * The memory between the training step and the workers that prepare its batches: a few batches side by side in one shared buffer,
 * used in turn, so that no batch is ever copied or allocated anew.
 */
import type { CropRoom } from "../../pixels/crops.js";
import { DRAWN_NUMBERS } from "../../pixels/draws.js";
import { type RawCrops, type RawImages, rawBytes } from "../augmentation/raw-images.js";
import { sharedBuffer } from "../shared-buffer.js";

export interface RingShape {
  readonly slots: number;
  /** Images per slot. */
  readonly batch: number;
  readonly size: number;
  /** Scores that are said of an image; default none. */
  readonly scores?: number;
  /** Side of raw images, which take the place of normalized ones. */
  readonly rawSide?: number | undefined;
  /** Where raw images are crops that are to be scaled. Of what these could take, memory is used as far as a batch's do. */
  readonly cropRoom?: CropRoom | undefined;
}

/** Room for one batch. */
export interface BatchSlot {
  /** [batch, size, size, 3], normalized; none where they are raw. */
  readonly images: Float32Array;
  readonly raw: RawImages | undefined;
  /** The same, where they are crops that are to be scaled. */
  readonly crops: RawCrops | undefined;
  readonly labels: Int32Array;
  readonly mixLabels: Int32Array;
  readonly mixWeight: Float32Array;
  /** [batch, scores] what a teacher says of each image in its view. */
  readonly answers: Float32Array;
  /** Index in the image set. */
  readonly indices: Uint32Array;
  /** How often each was in the epoch before. */
  readonly repeats: Uint32Array;
  /** One counter: parts of the batch that are still in work. */
  readonly unfinished: Int32Array;
}

/** Slots start on cache lines, so that workers on neighbouring slots do not disturb each other. */
const LINE_BYTES = 64;

/** The slots of a ring on new shared memory, or on the memory of a ring of the same shape. */
export function batchSlots(
  shape: RingShape,
  memory = sharedBuffer(shape.slots * slotBytes(shape)),
): { memory: ArrayBufferLike; slots: readonly BatchSlot[] } {
  const { batch, scores = 0, rawSide, cropRoom } = shape;
  const floats = imageFloats(shape);
  const rawLength = rawBytesOf(shape);
  const slots = Array.from({ length: shape.slots }, (_, index): BatchSlot => {
    let at = index * slotBytes(shape);
    const take = (elements: number): number => {
      const start = at;
      at += elements * 4;
      return start;
    };
    const takeRaw = (): RawImages => ({
      bytes: new Uint8Array(memory, take(rawLength / 4), rawLength),
      draws: new Float32Array(memory, take(batch * DRAWN_NUMBERS), batch * DRAWN_NUMBERS),
    });
    const takeCrops = (raw: RawImages): RawCrops => ({
      ...raw,
      crops: new Uint32Array(memory, take(2 * batch), 2 * batch),
      taken: new Int32Array(memory, take(1), 1),
    });
    const raw = rawSide === undefined ? undefined : takeRaw();
    const crops = raw === undefined || cropRoom === undefined ? undefined : takeCrops(raw);
    return {
      images: new Float32Array(memory, take(floats), floats),
      raw: crops ?? raw,
      crops,
      labels: new Int32Array(memory, take(batch), batch),
      mixLabels: new Int32Array(memory, take(batch), batch),
      mixWeight: new Float32Array(memory, take(batch), batch),
      answers: new Float32Array(memory, take(batch * scores), batch * scores),
      indices: new Uint32Array(memory, take(batch), batch),
      repeats: new Uint32Array(memory, take(batch), batch),
      unfinished: new Int32Array(memory, take(1), 1),
    };
  });
  return { memory, slots };
}

function imageFloats({ batch, size, rawSide }: RingShape): number {
  return rawSide === undefined ? batch * size * size * 3 : 0;
}

function rawBytesOf({ batch, rawSide = 0, cropRoom }: RingShape): number {
  return cropRoom === undefined ? rawBytes(batch, rawSide) : batch * cropRoom.bytes;
}

function slotBytes(shape: RingShape): number {
  const { batch, scores = 0, rawSide, cropRoom } = shape;
  const raw = rawSide === undefined ? 0 : rawBytesOf(shape) + 4 * batch * DRAWN_NUMBERS;
  const crops = cropRoom === undefined ? 0 : 4 * (2 * batch + 1);
  const bytes = raw + crops + 4 * (imageFloats(shape) + (5 + scores) * batch + 1);
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}
