/**
 * `npm run bench -- inference`: rbnet18 on one image, or several at once, against ONNX Runtime on a float and an 8-bit ResNet-18, round by
 * round in turn.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { MachineLimits } from "#rbnet/backend/device";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { writeModelFile } from "#rbnet/deploy/model-file";
import { messageOf } from "#rbnet/errors";
import { Network } from "#rbnet/networks/network";
import { rbnet18 } from "#rbnet/networks/rbnet";
import { median } from "#rbnet/quantile";
import { interleave } from "./interleave.js";
import { limitsWhereKnown } from "./machine-limits.js";
import { MEASURED_BACKENDS } from "./measured-backends.js";
import { CLASSES, resnet18, SIDE } from "./onnx/resnet18.js";
import { type BenchRecord, ratios, rounded } from "./record.js";
import { StepProcess } from "./step-process.js";
import { trainingWork } from "./training-work.js";
import { repository } from "./versions.js";

export const InferenceCase = z.strictObject({
  backend: z.enum(MEASURED_BACKENDS),
  /** Images at once. */
  batch: z.int().positive().default(1),
  threads: z.int().positive(),
  rounds: z.int().positive(),
  steps: z.int().positive(),
});

export type InferenceCase = z.infer<typeof InferenceCase>;

/** Images before the first round: engines compile their loops well only after some. */
const WARMUP_IMAGES = 20;

interface Peer {
  readonly name: string;
  readonly runtime: "web" | "node";
  readonly provider: "wasm" | "cpu" | "cuda";
  readonly quantized: boolean;
}

/** A runtime and the network that it runs, by the name that records use. */
const PROCESSOR_PEERS: readonly Peer[] = [
  { name: "onnxruntime-web", runtime: "web", provider: "wasm", quantized: false },
  { name: "onnxruntime-node", runtime: "node", provider: "cpu", quantized: false },
  { name: "onnxruntime-node-int8", runtime: "node", provider: "cpu", quantized: true },
];
const CUDA_PEER: Peer = { name: "onnxruntime-node-cuda", runtime: "node", provider: "cuda", quantized: false };

/** Those that run where our side does; beside a GPU on one image, processors too, which may be faster. */
function peersOf({ backend, batch }: InferenceCase): readonly Peer[] {
  if (backend !== "webgpu") return PROCESSOR_PEERS;
  return batch === 1 ? [CUDA_PEER, ...PROCESSOR_PEERS] : [CUDA_PEER];
}

/** Runs the case; progress goes to `report`. A peer that is not installed, or does not start, is named as absent. */
export async function benchInference(options: InferenceCase, report: (line: string) => void): Promise<BenchRecord> {
  const { backend, batch, threads, rounds, steps } = options;
  if (backend !== "webgpu") report("measuring the machine's limits");
  const limits = await limitsWhereKnown({ threads, backend });
  const limit = limits && batch * (await leastMilliseconds(limits));
  const folder = mkdtempSync(join(tmpdir(), "rbnet-bench-"));
  const contestants: StepProcess[] = [];
  const absent: string[] = [];
  try {
    const script = join(repository, "dist-bench", "ours-inference.js");
    const flags = [
      "--model",
      await writeRandomModel(folder),
      "--backend",
      backend,
      "--threads",
      String(threads),
      "--batch",
      String(batch),
    ];
    contestants.push(await StepProcess.start("ours", { program: process.execPath, arguments: [script, ...flags] }));
    for (const peer of peersOf(options)) {
      const started = await startPeer(peer, options, folder, report);
      if (started === undefined) absent.push(peer.name);
      else contestants.push(started);
    }
    const what = batch === 1 ? "images" : `batches of ${batch} images`;
    report(`${rounds} rounds of ${steps} ${what}: ${contestants.map(({ name }) => name).join(", ")}`);
    const seconds = await interleave(contestants, { warmupSteps: Math.max(2, Math.ceil(WARMUP_IMAGES / batch)), rounds, steps });
    return await recordOf(options, contestants, seconds, limit, absent);
  } finally {
    for (const contestant of contestants) await contestant.quit();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A network that was never trained: its work does not depend on its weights. */
export async function writeRandomModel(folder: string): Promise<string> {
  using backend = await createWasmBackend({ threads: 1 });
  const random = new Random(1);
  const description = rbnet18({ classes: CLASSES });
  const network = new Network(backend, description, {
    normal: (count, standardDeviation) => Float32Array.from({ length: count }, () => standardDeviation * random.normal()),
  });
  const path = join(folder, "rbnet18.safetensors");
  await writeModelFile(path, {
    network: { name: description.name, width: description.width },
    classes: Array.from({ length: CLASSES }, (_, i) => `class ${i}`),
    size: SIDE,
    mean: [0.5, 0.5, 0.5],
    standardDeviation: [0.25, 0.25, 0.25],
    operations: await network.fold(),
  });
  return path;
}

async function startPeer(
  { name, runtime, provider, quantized }: Peer,
  { threads, batch }: InferenceCase,
  folder: string,
  report: (line: string) => void,
): Promise<StepProcess | undefined> {
  const peers = join(repository, "bench", "peers");
  if (!existsSync(join(peers, "node_modules", `onnxruntime-${runtime}`))) {
    report(`${name} is absent: run bench/peers/setup.sh to install it`);
    return undefined;
  }
  const model = join(folder, `resnet18-${quantized ? "int8" : "float"}.onnx`);
  if (!existsSync(model)) writeFileSync(model, resnet18({ quantized, batch }));
  const words = [join(peers, "onnxruntime.mjs"), runtime, model, String(threads), provider, String(batch)];
  try {
    return await StepProcess.start(name, { program: process.execPath, arguments: words });
  } catch (error) {
    report(`${name} is absent: ${messageOf(error)}`);
    return undefined;
  }
}

/** The arithmetic of an image at the rate of loops on registers; its maps fit the caches. */
async function leastMilliseconds({ binaryMacsPerSecond, realMacsPerSecond }: MachineLimits): Promise<number> {
  const { binaryMacs, realMacs } = await trainingWork(rbnet18({ classes: CLASSES }));
  return 1_000 * (binaryMacs / binaryMacsPerSecond + realMacs / realMacsPerSecond);
}

async function recordOf(
  { backend, batch, threads }: InferenceCase,
  contestants: readonly StepProcess[],
  seconds: ReadonlyMap<string, readonly number[]>,
  limit: number | undefined,
  absent: readonly string[],
): Promise<BenchRecord> {
  const milliseconds = (name: string): readonly number[] => (seconds.get(name) ?? []).map((value) => rounded(1_000 * value));
  const peers = contestants.filter(({ name }) => name !== "ours").map(({ name }) => name);
  const memories = new Map<string, number>();
  for (const contestant of contestants) memories.set(contestant.name, (await contestant.memory()).peakBytes);
  const ours = median(milliseconds("ours"));
  const oursBytes = memories.get("ours") ?? Number.NaN;
  const peerTimes = Object.fromEntries(peers.map((name) => [name, rounded(median(milliseconds(name)))]));
  const peerBytes = Object.fromEntries(peers.map((name) => [name, memories.get(name) ?? Number.NaN]));
  return {
    bench: "inference",
    case: `rbnet18-224-batch${batch}-${backend}-${threads}thread${threads === 1 ? "" : "s"}`,
    unit: "ms",
    ours: rounded(ours),
    peers: peerTimes,
    ratios: ratios(ours, peerTimes, "less"),
    ...(limit === undefined ? {} : { limit: rounded(limit), shareOfLimit: rounded(limit / ours) }),
    memory: { oursBytes, peers: peerBytes, ratios: ratios(oursBytes, peerBytes, "less") },
    absent,
    versions: Object.fromEntries(contestants.map(({ name, version }) => [name === "ours" ? "rbnet" : name, version])),
    rounds: Object.fromEntries(contestants.map(({ name }) => [name, milliseconds(name)])),
  };
}
