/**
 * `npm run bench -- kernels`: the kernels that take most of the time, alone, on the shapes of rbnet20 at width 2 (batch 64) and
 * of rbnet18 (one image), beside what the same instructions do at best.
 */
import { z } from "zod";
import { type Backend, limitsOf, type MachineLimits } from "#rbnet/backend/device";
import { openBackend } from "#rbnet/backend/open";
import { median } from "#rbnet/quantile";
import { type Tensor, wordsFor } from "#rbnet/tensor";
import { type BenchRecord, rounded } from "./record.js";
import { installedVersion } from "./versions.js";

export const KernelsCase = z.strictObject({
  backend: z.enum(["wasm", "native"]),
  threads: z.int().positive(),
  rounds: z.int().positive(),
});

export type KernelsCase = z.infer<typeof KernelsCase>;

/** M windows, K values under a window, N filters, as the contract has them. */
interface Shape {
  readonly name: string;
  readonly M: number;
  readonly K: number;
  readonly N: number;
}

const TRAINING: readonly Shape[] = [
  { name: "rbnet20-w2-stage1-batch64", M: 64 * 256, K: 128, N: 128 },
  { name: "rbnet20-w2-stage3-batch64", M: 64 * 16, K: 512, N: 512 },
];
const INFERENCE: readonly Shape[] = [
  { name: "rbnet18-stage1-batch1", M: 784, K: 256, N: 256 },
  { name: "rbnet18-stage4-batch1", M: 16, K: 2048, N: 2048 },
];

/** A kernel ready to run, and the rate of the machine that bounds it. */
interface Prepared {
  readonly run: () => void;
  readonly rate: keyof MachineLimits;
}

const KERNELS: Readonly<
  Record<string, { readonly shapes: readonly Shape[]; prepare(backend: Backend, shape: Shape): Prepared }>
> = {
  binaryProduct: {
    shapes: [...TRAINING, ...INFERENCE],
    prepare(backend, { M, K, N }) {
      const weights = backend.binaryWeights(K, N, false);
      const columns = backend.allocate("uint32", [M, wordsFor(K)]);
      const y = backend.allocate("dotProduct", [M, N]);
      return { run: () => backend.binaryProduct(columns, weights, y, undefined), rate: "binaryMacsPerSecond" };
    },
  },
  binaryWeightGradient: {
    shapes: TRAINING,
    prepare(backend, { M, K, N }) {
      const [dy, latent, gradient] = [reals(backend, M, N), reals(backend, K, N), reals(backend, K, N)];
      const columns = backend.allocate("uint32", [M, wordsFor(K)]);
      return { run: () => backend.binaryWeightGradient(dy, columns, latent, gradient), rate: "signedMacsPerSecond" };
    },
  },
  convolution: {
    shapes: [...TRAINING, ...INFERENCE],
    prepare(backend, { M, K, N }) {
      const [x, weights, y] = [reals(backend, M, K), reals(backend, K, N), reals(backend, M, N)];
      // Windows of one pixel: a product, and nothing to gather for it.
      const geometry = {
        images: 1,
        height: M,
        width: 1,
        channels: K,
        kernel: 1,
        step: 1,
        rows: [...Array(M).keys()],
        columns: [0],
      };
      const plan = backend.planConvolution(backend.window(geometry), N, { signs: false, inputGradient: false });
      return { run: () => backend.convolution(x, weights, plan, y), rate: "realMacsPerSecond" };
    },
  },
};

function reals(backend: Backend, rows: number, columns: number): Tensor {
  const tensor = backend.allocate("float32", [rows, columns]);
  backend.fill(tensor, 0.5);
  return tensor;
}

/** Long enough for the clock, short enough for many rounds. */
const ROUND_MS = 40;
/** Engines compile a loop well only after it has run for a while. */
const WARMUP_MS = 200;

/** One record a kernel and shape, in GMAC/s. */
export async function benchKernels(options: KernelsCase, report: (line: string) => void): Promise<readonly BenchRecord[]> {
  using backend = await openBackend({ threads: options.threads, backend: options.backend });
  report(`measuring the machine's limits: ${backend.description}`);
  const limits = await limitsOf(backend);
  const records: BenchRecord[] = [];
  for (const [kernel, { shapes, prepare }] of Object.entries(KERNELS)) {
    for (const shape of shapes) {
      report(`${kernel}, ${shape.name}`);
      const mark = backend.mark();
      const { run, rate } = prepare(backend, shape);
      const macs = shape.M * shape.K * shape.N;
      repeat(run, WARMUP_MS);
      const rounds = Array.from({ length: options.rounds }, () => macs / repeat(run, ROUND_MS) / 1e6);
      backend.release(mark);
      records.push(recordOf(options, kernel, shape, rounds, limits[rate] / 1e9));
    }
  }
  return records;
}

/** Milliseconds of one run, on average over about so many. */
function repeat(run: () => void, milliseconds: number): number {
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < milliseconds) {
    run();
    runs++;
  }
  return (performance.now() - start) / runs;
}

function recordOf(
  { backend, threads }: KernelsCase,
  kernel: string,
  { name }: Shape,
  rounds: readonly number[],
  limit: number,
): BenchRecord {
  const ours = median(rounds);
  return {
    bench: "kernels",
    case: `${kernel}-${name}-${backend}-${threads}thread${threads === 1 ? "" : "s"}`,
    unit: "GMAC/s",
    ours: rounded(ours),
    peers: {},
    ratios: {},
    limit: rounded(limit),
    shareOfLimit: rounded(ours / limit),
    absent: [],
    versions: { rbnet: installedVersion(), node: process.versions.node },
    rounds: { ours: rounds.map(rounded) },
  };
}
