/**
 * Body of a loader's worker: prepares parts of batches in shared memory, one task after the other, and answers what came of it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../errors.js";
import type { ByteRange } from "../decoding/encoded-images.js";
import { type Annotate, type BatchPart, type BatchPlan, finishBatch, prepareDecoded } from "./batch-plan.js";
import { type BatchSlot, batchSlots, type RingShape } from "./batch-ring.js";
import { type BadImage, MOST_REPLACEMENTS, UnreadableImagesError } from "./unreadable-images.js";

/** What a worker is started with. */
export interface WorkerPlan extends BatchPlan, RingShape {
  readonly memory: ArrayBufferLike;
}

/** A part of the batch in `slot`, whose `indices` and `repeats` are set. */
export interface WorkerTask extends BatchPart {
  readonly slot: number;
  /** What later batches need. */
  readonly readAhead: readonly ByteRange[];
}

export interface WorkerAnswer {
  readonly slot: number;
  /** Replaced by their neighbours. */
  readonly skipped: readonly BadImage[];
  /** Set where so many neighbours in a row are bad that none was tried any more; the last of them. */
  readonly unreadable?: BadImage & { readonly count: number };
  /** Set where the task failed otherwise. */
  readonly error?: string;
}

/** Prepares the images of a task in its slot; adds to `skipped` those that it had to replace. */
type Preparation = (slot: BatchSlot, task: WorkerTask, skipped: BadImage[]) => Promise<void> | void;

function start(plan: WorkerPlan, port: NonNullable<typeof parentPort>): void {
  const { slots } = batchSlots(plan, plan.memory);
  const prepare = preparationOf(plan);
  const run = async (task: WorkerTask): Promise<void> => {
    const skipped: BadImage[] = [];
    try {
      const slot = slots[task.slot];
      await prepare(slot, task, skipped);
      // What needs the whole batch is done by the worker that finishes its last part.
      const isLast = Atomics.sub(slot.unfinished, 0, 1) === 1;
      if (isLast) finishBatch(plan, slot, task);
      port.postMessage({ slot: task.slot, skipped } satisfies WorkerAnswer);
    } catch (error) {
      port.postMessage({
        slot: task.slot,
        skipped,
        ...(error instanceof UnreadableImagesError
          ? { unreadable: { ...error.last, count: MOST_REPLACEMENTS + 1 } }
          : { error: messageOf(error) }),
      } satisfies WorkerAnswer);
    }
  };
  let queue = Promise.resolve();
  port.on("message", (task: WorkerTask) => {
    queue = queue.then(() => run(task));
  });
}

function preparationOf(plan: WorkerPlan): Preparation {
  const { source, views } = plan;
  if (source.kind === "memory" && views?.answers === undefined) return prepareDecoded(plan, source);
  const opened = annotationOf(plan).then(async (annotate): Promise<Preparation> => {
    if (source.kind === "memory") return prepareDecoded(plan, source, annotate);
    // Loaded here only: workers on decoded images start without the decoder.
    const { EncodedBatches } = await import("./encoded-batches.js");
    const batches = new EncodedBatches(plan, source, annotate);
    return (slot, task, skipped) => batches.prepare(slot, task, task.readAhead, skipped);
  });
  return async (slot, task, skipped) => (await opened)(slot, task, skipped);
}

/** Looks up what a teacher has said of images, where that is known. */
async function annotationOf({ views, labels }: WorkerPlan): Promise<Annotate | undefined> {
  if (views?.answers === undefined) return undefined;
  const { AnswerReader } = await import("../views/answer-reader.js");
  const answers = new AnswerReader(views.answers);
  return (slot, position, index, view) => answers.read(index, view, labels[index], slot.answers, position);
}

if (parentPort === null) throw new Error("loader-worker runs as a worker only");
start(workerData as WorkerPlan, parentPort);
