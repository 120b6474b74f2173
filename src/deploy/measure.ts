/**
 * How fast a model runs on this machine: whole images by threads and batch, and each operation beside the least time that its arithmetic
 * can take.
 */
import type { Backend, MachineLimits } from "../backend/device.js";
import { MemoryScope } from "../backend/scope.js";
import { summarizeOperations } from "../networks/summary.js";
import { quantile } from "../quantile.js";
import type { Model } from "../runtime/model.js";
import { RuntimeNetwork } from "../runtime/network.js";

/** From pixels that are decoded to the scores of a batch. */
export interface Timing {
  readonly images: number;
  readonly medianMs: number;
  /** Nineteen of twenty batches took at most so long. */
  readonly p95Ms: number;
  readonly imagesPerSecond: number;
  /** What the network takes of the backend's memory: weights, maps and work space. */
  readonly memoryBytes: number;
}

export interface OperationTiming {
  readonly name: string;
  readonly kind: string;
  readonly medianMs: number;
  /** Of the time of all operations, 0 to 1. */
  readonly share: number;
  readonly binaryMacs: number;
  readonly realMacs: number;
  /** What the arithmetic alone would take at the machine's limits; 0 for an operation that is not counted as arithmetic. */
  readonly limitMs: number;
}

/** Engines compile a loop well only after it has run for a while. */
const WARMUP_SHARE = 0.25;
const MINIMUM_RUNS = 5;

/** Runs batches of `images` for `seconds`, and a quarter of that before. Frees all it allocates on `backend`. */
export async function timeModel(backend: Backend, model: Model, images: number, seconds: number): Promise<Timing> {
  using _scope = new MemoryScope(backend);
  const before = backend.memory.bytes;
  const network = networkOf(backend, model, images);
  const memoryBytes = backend.memory.bytes - before;
  const pixels = somePixels(images * model.size ** 2 * 3);
  const run = async (): Promise<void> => {
    backend.write(network.input, pixels);
    network.run();
    await backend.read(network.output);
  };
  await repeat(seconds * WARMUP_SHARE, run);
  const times = await repeat(seconds, run);
  const medianMs = quantile(times, 0.5);
  return { images, medianMs, p95Ms: quantile(times, 0.95), imagesPerSecond: (1_000 * images) / medianMs, memoryBytes };
}

/** The operations of one image in turn, again and again for `seconds`. */
export async function timeOperations(
  backend: Backend,
  model: Model,
  limits: MachineLimits,
  seconds: number,
): Promise<readonly OperationTiming[]> {
  using _scope = new MemoryScope(backend);
  const network = networkOf(backend, model, 1);
  backend.write(network.input, somePixels(model.size ** 2 * 3));
  const probe = backend.allocate("float32", [1]);
  const { operations } = model;
  const times = operations.map((): number[] => []);
  const run = async (): Promise<void> => {
    for (const [index, of] of times.entries()) {
      const start = performance.now();
      network.runOperation(index);
      // Kernels take effect in order, and only a read is waited for.
      await backend.read(probe);
      of.push(performance.now() - start);
    }
  };
  await repeat(seconds * WARMUP_SHARE, run);
  for (const of of times) of.length = 0;
  await repeat(seconds, run);
  const medians = times.map((of) => quantile(of, 0.5));
  const total = medians.reduce((sum, time) => sum + time, 0);
  const rows = new Map(
    summarizeOperations(operations, { height: model.size, width: model.size, channels: 3 }).map((row) => [row.name, row]),
  );
  return operations.map(({ name, kind }, index) => {
    const { kind: shown = kind, binaryMacs = 0, realMacs = 0 } = rows.get(name) ?? {};
    const medianMs = medians[index] ?? 0;
    const limitMs = 1_000 * (binaryMacs / limits.binaryMacsPerSecond + realMacs / limits.realMacsPerSecond);
    return { name, kind: shown, medianMs, share: medianMs / total, binaryMacs, realMacs, limitMs };
  });
}

function networkOf(backend: Backend, { operations, size }: Model, images: number): RuntimeNetwork {
  return new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, images);
}

/** Values of about the range of normalized images; the work does not depend on them. */
function somePixels(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 256) / 64 - 2);
}

/** Milliseconds of each run. */
async function repeat(seconds: number, run: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + 1_000 * seconds;
  while (times.length < MINIMUM_RUNS || performance.now() < end) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return times;
}
