/**
 * The loader's workers: hands out parts of batches, knows which batches are finished, and turns whatever goes wrong in a worker,
 * its death included, into a rejection that the training loop sees.
 */
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { UserError } from "../../errors.js";
import type { SkippedImage } from "../dataset.js";
import type { ByteRange } from "../decoding/encoded-images.js";
import type { BatchSlot } from "./batch-ring.js";
import type { WorkerAnswer, WorkerPlan, WorkerTask } from "./loader-worker.js";

/** A slot in work: how many answers are missing, and who waits for them. */
interface PendingSlot {
  missing: number;
  error: Error | undefined;
  wake: (() => void) | undefined;
}

export class LoaderPool {
  private readonly workers: readonly Worker[];
  private readonly pending: readonly PendingSlot[];
  private readonly nameOf: (index: number) => string;
  private readonly replaced = new Map<number, SkippedImage>();
  /** Set once a worker has died: nothing more can be prepared. */
  private broken: Error | undefined;
  private closed = false;

  /** `nameOf`: of image `index`, for those that are skipped. */
  constructor(workers: number, plan: WorkerPlan, nameOf: (index: number) => string) {
    this.nameOf = nameOf;
    this.pending = Array.from({ length: plan.slots }, () => ({ missing: 0, error: undefined, wake: undefined }));
    this.workers = Array.from({ length: Math.max(1, workers) }, () => {
      const worker = new Worker(new URL("./loader-worker.js", import.meta.url), { workerData: plan });
      worker.on("message", (answer: WorkerAnswer) => {
        this.answered(answer);
      });
      worker.on("error", (error: Error) => {
        this.fail(new Error(`a data worker failed: ${error.message}`, { cause: error }));
      });
      worker.on("exit", (code: number) => {
        if (!this.closed) this.fail(new Error(`a data worker stopped with code ${code}`));
      });
      worker.unref(); // an idle loader does not keep the program alive
      return worker;
    });
  }

  get skipped(): readonly SkippedImage[] {
    return [...this.replaced.values()];
  }

  /** Keeps the program alive while batches are awaited. */
  hold(): void {
    for (const worker of this.workers) worker.ref();
  }

  letGo(): void {
    for (const worker of this.workers) worker.unref();
  }

  /** Has the first `count` images of a slot prepared, and what later batches need read ahead, an equal part by each worker. */
  prepare(index: number, slot: BatchSlot, epoch: number, count: number, readAhead: readonly ByteRange[]): void {
    const pending = this.pending[index];
    const parts = Math.min(this.workers.length, count);
    pending.missing = parts;
    pending.error = undefined;
    Atomics.store(slot.unfinished, 0, parts);
    if (slot.crops !== undefined) Atomics.store(slot.crops.taken, 0, 0);
    for (let part = 0; part < parts; part++) {
      const first = Math.floor((count * part) / parts);
      const end = Math.floor((count * (part + 1)) / parts);
      const ranges = readAhead.slice(
        Math.floor((readAhead.length * part) / parts),
        Math.floor((readAhead.length * (part + 1)) / parts),
      );
      this.workers[part].postMessage({ slot: index, epoch, first, end, count, readAhead: ranges } satisfies WorkerTask);
    }
  }

  /** Resolves when a slot is ready; rejects with what went wrong in a worker. */
  async finished(index: number): Promise<void> {
    // One turn of the event loop a batch: takes in the workers' answers, and lets signals and timers of the program through.
    await setImmediate();
    const pending = this.pending[index];
    await this.answeredOrBroken(pending);
    const error = this.broken ?? pending.error;
    if (error !== undefined) throw error;
  }

  /** Resolves when no slot is in work any more, whether well or not. */
  async settled(): Promise<void> {
    for (const pending of this.pending) await this.answeredOrBroken(pending);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    this.fail(new Error("the loader is closed"));
  }

  private async answeredOrBroken(pending: PendingSlot): Promise<void> {
    while (pending.missing > 0 && this.broken === undefined) {
      await new Promise<void>((wake) => {
        pending.wake = wake;
      });
    }
  }

  private answered(answer: WorkerAnswer): void {
    const pending = this.pending[answer.slot];
    for (const { index, reason } of answer.skipped)
      if (!this.replaced.has(index)) this.replaced.set(index, { path: this.nameOf(index), reason });
    if (answer.unreadable !== undefined) {
      const { count, index, reason } = answer.unreadable;
      pending.error = new UserError(
        `${count} images in a row cannot be read, the last of them ${this.nameOf(index)} (${reason}): check the disk ` +
          "or drive that they are on",
      );
    } else if (answer.error !== undefined) {
      pending.error = new Error(`a batch could not be prepared: ${answer.error}`);
    }
    pending.missing--;
    if (pending.missing === 0) pending.wake?.();
  }

  private fail(error: Error): void {
    this.broken ??= error;
    for (const pending of this.pending) pending.wake?.();
  }
}
