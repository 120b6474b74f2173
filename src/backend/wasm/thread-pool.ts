/**
 * Runs one kernel at a time on chunks of its job, on the calling thread and on workers that share its memory.
 *
 * Workers claim chunks as they come, so a slow or sleeping worker never holds a job up: a job is done when its chunks are. What a chunk
 * computes does not depend on who runs it, hence results do not depend on the number of threads.
 *
 * The control block, int32: SEQUENCE (number of the job, what sleeping workers wait on), CLAIM (low 20 bits of the job's number and, below,
 * the next piece: one word, so that a worker that comes late for a job cannot claim from the next one), FINISHED (pieces done), and the
 * job's kernel, chunk count, chunks in a piece and argument count. Its arguments follow as float64. STOP ends the workers; FAILED says that
 * one met an error.
 */
export const CONTROL = {
  sequence: 0,
  claim: 1,
  finished: 2,
  kernel: 3,
  chunks: 4,
  grain: 5,
  argumentCount: 6,
  stop: 7,
  failed: 8,
} as const;
export const CONTROL_INTEGERS = 16;
export const MAXIMUM_ARGUMENTS = 24;

const PIECE_BITS = 12;
const PIECE_MASK = (1 << PIECE_BITS) - 1;
const SEQUENCE_MASK = (1 << (32 - PIECE_BITS)) - 1;

/** A kernel on chunks [begin, end): every one has these three arguments first, then its own. */
export type KernelFunction = (begin: number, end: number, scratch: number, ...parameters: number[]) => void;

/** Claims and runs pieces of job `sequence` until none is left or the job is over. */
export function runPieces(
  control: Int32Array,
  sequence: number,
  kernel: KernelFunction,
  scratch: number,
  parameters: readonly number[],
  chunks: number,
  grain: number,
): void {
  const tag = sequence & SEQUENCE_MASK;
  for (;;) {
    const claim = Atomics.load(control, CONTROL.claim);
    const piece = claim & PIECE_MASK;
    if (claim >>> PIECE_BITS !== tag || piece * grain >= chunks) return;
    if (Atomics.compareExchange(control, CONTROL.claim, claim, claim + 1) !== claim) continue;
    kernel(piece * grain, Math.min(chunks, (piece + 1) * grain), scratch, ...parameters);
    Atomics.add(control, CONTROL.finished, 1);
  }
}

/** The calling thread's side: publishes a job and helps until it is done. */
export class Pool {
  private readonly control: Int32Array;
  private readonly parameters: Float64Array;

  constructor(
    buffer: SharedArrayBuffer,
    controlOffset: number,
    private readonly kernels: readonly KernelFunction[],
    private readonly threads: number,
    private readonly scratch: number,
  ) {
    this.control = new Int32Array(buffer, controlOffset, CONTROL_INTEGERS);
    this.parameters = new Float64Array(buffer, controlOffset + CONTROL_INTEGERS * 4, MAXIMUM_ARGUMENTS);
  }

  run(kernelIndex: number, chunks: number, parameters: readonly number[]): void {
    const kernel = this.kernels[kernelIndex] as KernelFunction;
    if (this.threads === 1 || chunks === 1) {
      kernel(0, chunks, this.scratch, ...parameters);
      return;
    }
    const { control } = this;
    // Eight pieces a thread even out threads of unequal speed; the piece number has to fit its bits.
    const grain = Math.max(1, Math.ceil(chunks / Math.min(this.threads * 8, PIECE_MASK)));
    const pieces = Math.ceil(chunks / grain);
    const sequence = (control[CONTROL.sequence] as number) + 1;
    // A worker that woke late may still be reading the last job: it claims nothing, because the tag changes first.
    Atomics.store(control, CONTROL.claim, ((sequence & SEQUENCE_MASK) << PIECE_BITS) | PIECE_MASK | 0);
    control[CONTROL.kernel] = kernelIndex;
    control[CONTROL.chunks] = chunks;
    control[CONTROL.grain] = grain;
    control[CONTROL.argumentCount] = parameters.length;
    this.parameters.set(parameters);
    Atomics.store(control, CONTROL.finished, 0);
    Atomics.store(control, CONTROL.claim, ((sequence & SEQUENCE_MASK) << PIECE_BITS) | 0);
    Atomics.store(control, CONTROL.sequence, sequence);
    Atomics.notify(control, CONTROL.sequence);
    runPieces(control, sequence, kernel, this.scratch, parameters, chunks, grain);
    while (Atomics.load(control, CONTROL.finished) !== pieces) {
      if (Atomics.load(control, CONTROL.failed) === 1) throw new Error("a kernel failed on a worker thread");
    }
  }

  stop(): void {
    // Alone, nobody waits; and the control block of a memory that is not shared is out of reach once the memory has grown.
    if (this.threads === 1) return;
    Atomics.store(this.control, CONTROL.stop, 1);
    Atomics.add(this.control, CONTROL.sequence, 1);
    Atomics.notify(this.control, CONTROL.sequence);
  }
}

/** Longer than what lies between two kernels of a step, and nothing to a person. */
const SPIN_MILLISECONDS = 2;

/** A worker's side: waits for jobs and helps, until stopped. */
export function serve(
  buffer: SharedArrayBuffer,
  controlOffset: number,
  kernels: readonly KernelFunction[],
  scratch: number,
): void {
  const control = new Int32Array(buffer, controlOffset, CONTROL_INTEGERS);
  const parameters = new Float64Array(buffer, controlOffset + CONTROL_INTEGERS * 4, MAXIMUM_ARGUMENTS);
  let last = 0;
  for (;;) {
    // Kernels follow each other within microseconds, and a thread that sleeps on a busy machine gets its core back late.
    const sleepAt = performance.now() + SPIN_MILLISECONDS;
    while (Atomics.load(control, CONTROL.sequence) === last && performance.now() < sleepAt) {
      for (let spin = 0; spin < 200 && Atomics.load(control, CONTROL.sequence) === last; spin++);
    }
    Atomics.wait(control, CONTROL.sequence, last);
    const sequence = Atomics.load(control, CONTROL.sequence);
    if (Atomics.load(control, CONTROL.stop) === 1) return;
    last = sequence;
    const count = Math.min(control[CONTROL.argumentCount] as number, MAXIMUM_ARGUMENTS);
    const chunks = control[CONTROL.chunks] as number;
    const grain = control[CONTROL.grain] as number;
    const kernel = kernels[control[CONTROL.kernel] as number];
    const own = Array.from(parameters.subarray(0, count));
    try {
      if (kernel !== undefined) runPieces(control, sequence, kernel, scratch, own, chunks, grain);
    } catch (error) {
      Atomics.store(control, CONTROL.failed, 1);
      throw error;
    }
  }
}
