/**
 * The memory between the training step and the workers that prepare its batches: a few batches side by side in one shared buffer,
 * used in turn, so that no batch is ever copied or allocated anew.
 */
import { sharedBuffer } from "../shared-buffer.js";

export interface RingShape {
  readonly slots: number;
  /** Images per slot. */
  readonly batch: number;
  readonly size: number;
  /** Scores that are said of an image; default none. */
  readonly scores?: number;
}

/** Room for one batch. */
export interface BatchSlot {
  /** [batch, size, size, 3], normalized. */
  readonly images: Float32Array;
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
  const { batch, size, scores = 0 } = shape;
  const floats = batch * size * size * 3;
  const slots = Array.from({ length: shape.slots }, (_, index): BatchSlot => {
    let at = index * slotBytes(shape);
    const take = (elements: number): number => {
      const start = at;
      at += elements * 4;
      return start;
    };
    return {
      images: new Float32Array(memory, take(floats), floats),
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

function slotBytes({ batch, size, scores = 0 }: RingShape): number {
  const bytes = 4 * (batch * size * size * 3 + (5 + scores) * batch + 1);
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}
