/**
 * `npm run bench -- training`: our training step against the same step in PyTorch, eager and compiled, in float32 and with
 * bfloat16 products, round by round in turn.
 */
import { join } from "node:path";
import { z } from "zod";
import { GRADIENT_PRECISIONS } from "#rbnet/backend/device";
import { messageOf } from "#rbnet/errors";
import { median } from "#rbnet/quantile";
import { interleave, type RoundPlan } from "./interleave.js";
import type { ChildCommand } from "./line-process.js";
import { limitsWhereKnown } from "./machine-limits.js";
import { MEASURED_BACKENDS } from "./measured-backends.js";
import { peerPython } from "./peer-python.js";
import { type BenchRecord, ratios, rounded } from "./record.js";
import { type StepMemory, StepProcess } from "./step-process.js";
import { trainedNetwork, trainedNetworks } from "./trained-network.js";
import { trainingLimit } from "./training-limit.js";
import { trainingWork } from "./training-work.js";
import { repository } from "./versions.js";

/** The ways that PyTorch runs a step, with the flags of bench/peers/rbnet.py: on the processor, and on a GPU by CUDA. */
const PROCESSOR_PEERS = {
  "pytorch-eager": [],
  "pytorch-compile": ["--compile"],
  "pytorch-bfloat16": ["--bfloat16"],
  "pytorch-compile-bfloat16": ["--compile", "--bfloat16"],
} as const;
const CUDA_PEERS = {
  "pytorch-cuda-eager": ["--device", "cuda"],
  "pytorch-cuda-compile": ["--device", "cuda", "--compile"],
  "pytorch-cuda-bfloat16": ["--device", "cuda", "--bfloat16"],
  "pytorch-cuda-compile-bfloat16": ["--device", "cuda", "--compile", "--bfloat16"],
} as const;
const PEERS = { ...PROCESSOR_PEERS, ...CUDA_PEERS };
type PeerName = keyof typeof PEERS;
export const trainingPeers = Object.keys(PEERS) as readonly PeerName[];

/** Those that run where our side does. */
export function usualPeers(backend: TrainingCase["backend"]): readonly PeerName[] {
  return Object.keys(backend === "webgpu" ? CUDA_PEERS : PROCESSOR_PEERS) as PeerName[];
}

export const TrainingCase = z.strictObject({
  backend: z.enum(MEASURED_BACKENDS),
  precision: z.enum(GRADIENT_PRECISIONS).default("float32"),
  keepEvery: z.int().positive().default(1),
  network: z.enum(trainedNetworks),
  width: z.number().positive(),
  batch: z.int().positive(),
  threads: z.int().positive(),
  rounds: z.int().positive(),
  steps: z.int().positive(),
  peers: z.array(z.enum(trainingPeers)),
});

export type TrainingCase = z.infer<typeof TrainingCase>;

const WARMUP_STEPS = 2;
/** Runs the case; progress goes to `report`. A peer that is not installed, or does not start, is named as absent. */
export async function benchTraining(options: TrainingCase, report: (line: string) => void): Promise<BenchRecord> {
  const { threads, backend, precision } = options;
  if (backend !== "webgpu") report("measuring the machine's limits");
  const limits = await limitsWhereKnown({ threads, backend, precision });
  const limit = limits && trainingLimit(await trainingWork(trainedNetwork(options)), limits);
  const ours = await StepProcess.start("ours", oursCommand(options));
  const contestants = [ours, ...(await startPeers(options, report))];
  try {
    report(`${options.rounds} rounds of ${options.steps} steps: ${contestants.map(({ name }) => name).join(", ")}`);
    const rates = await imagesPerSecond(contestants, options);
    const memories = new Map<string, StepMemory>();
    for (const contestant of contestants) memories.set(contestant.name, await contestant.memory());
    return trainingRecord(options, { contestants, rates, memories, limit });
  } finally {
    for (const contestant of contestants) await contestant.quit();
  }
}

function oursCommand(options: TrainingCase): ChildCommand {
  const script = join(repository, "dist-bench", "ours-training.js");
  const flags = ["--backend", options.backend, "--precision", options.precision, "--keep-every", String(options.keepEvery)];
  return { program: process.execPath, arguments: [script, ...caseArguments(options), ...flags] };
}

function caseArguments({ network, width, batch, threads }: TrainingCase): string[] {
  return ["--network", network, "--width", String(width), "--batch", String(batch), "--threads", String(threads)];
}

/** Those that can be had; the others are reported. */
async function startPeers(options: TrainingCase, report: (line: string) => void): Promise<readonly StepProcess[]> {
  const python = peerPython(process.env);
  if (python === undefined) {
    report("PyTorch is absent: run bench/peers/setup.sh to install it");
    return [];
  }
  const script = join(repository, "bench", "peers", "rbnet.py");
  const started: StepProcess[] = [];
  for (const name of options.peers) {
    const command = { program: python, arguments: ["-B", script, ...caseArguments(options), ...PEERS[name]] };
    try {
      started.push(await StepProcess.start(name, command));
    } catch (error) {
      report(`${name} is absent: ${messageOf(error)}`);
    }
  }
  return started;
}

async function imagesPerSecond(
  contestants: readonly StepProcess[],
  options: TrainingCase,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const plan: RoundPlan = { warmupSteps: WARMUP_STEPS, rounds: options.rounds, steps: options.steps };
  const seconds = await interleave(contestants, plan);
  return new Map([...seconds].map(([name, perStep]) => [name, perStep.map((value) => options.batch / value)]));
}

/** What the rounds measured. The first contestant is ours. */
export interface TrainingMeasurement {
  readonly contestants: readonly { readonly name: string; readonly version: string }[];
  readonly rates: ReadonlyMap<string, readonly number[]>;
  readonly memories: ReadonlyMap<string, StepMemory>;
  /** Images a second; none where limits are not measured, as on a GPU. */
  readonly limit: number | undefined;
}

/** Medians, ratios and shares of what was measured. */
export function trainingRecord(options: TrainingCase, { contestants, rates, memories, limit }: TrainingMeasurement): BenchRecord {
  const [ours, ...peers] = contestants.map(({ name, version }) => {
    const rounds = rates.get(name) ?? [];
    return { name, version, rounds, rate: median(rounds), memory: memories.get(name)?.peakBytes };
  });
  if (ours?.memory === undefined) throw new Error("a training benchmark needs our own side");
  const peerRates = Object.fromEntries(peers.map(({ name, rate }) => [name, rate]));
  const peerMemories = Object.fromEntries(peers.flatMap(({ name, memory }) => (memory === undefined ? [] : [[name, memory]])));
  return {
    bench: "training",
    case: caseName(options),
    unit: "images/s",
    ours: rounded(ours.rate),
    peers: Object.fromEntries(Object.entries(peerRates).map(([name, rate]) => [name, rounded(rate)])),
    ratios: ratios(ours.rate, peerRates, "more"),
    ...(limit === undefined ? {} : { limit: rounded(limit), shareOfLimit: rounded(ours.rate / limit) }),
    memory: { oursBytes: ours.memory, peers: peerMemories, ratios: ratios(ours.memory, peerMemories, "less") },
    absent: options.peers.filter((wanted) => peers.every(({ name }) => name !== wanted)),
    versions: {
      rbnet: ours.version,
      node: process.versions.node,
      ...Object.fromEntries(peers.map(({ name, version }) => [name, version])),
    },
    rounds: Object.fromEntries([ours, ...peers].map(({ name, rounds }) => [name, rounds.map(rounded)])),
  };
}

function caseName(options: TrainingCase): string {
  const { network, width, batch, backend, precision, keepEvery, threads } = options;
  const unusual = [...(precision === "float32" ? [] : [precision]), ...(keepEvery === 1 ? [] : [`keep${keepEvery}`])];
  const size = trainedNetwork(options).input.width;
  const parts = [network, `w${width}`, size, `batch${batch}`, backend, ...unusual, `${threads}thread${threads === 1 ? "" : "s"}`];
  return parts.join("-");
}
