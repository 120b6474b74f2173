/**
 * `npm run bench -- firmware`: rbnet20 as the C that `rbnet export --format c` writes, compiled by the machine's compiler without any
 * flag for its processor, on one image, against ONNX Runtime on a float ResNet-20, round by round in turn.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { writeFirmware } from "#rbnet/deploy/firmware/firmware";
import { UserError } from "#rbnet/errors";
import { Network } from "#rbnet/networks/network";
import { rbnet20 } from "#rbnet/networks/rbnet";
import { median } from "#rbnet/quantile";
import type { Model } from "#rbnet/runtime/model";
import { resnet20 } from "./onnx/resnet18.js";
import { type BenchRecord, ratios, rounded } from "./record.js";
import { repository } from "./versions.js";

const SIDE = 32;
const CLASSES = 10;

export const FirmwareCase = z.strictObject({
  width: z.number().positive(),
  rounds: z.int().positive(),
  /** Images of each side in a round. */
  steps: z.int().positive(),
});
export type FirmwareCase = z.infer<typeof FirmwareCase>;

interface Session {
  readonly inputNames: readonly string[];
  run(feeds: Readonly<Record<string, unknown>>): Promise<unknown>;
}
interface OnnxRuntime {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: Float32Array, shape: readonly number[]) => unknown;
}

export async function benchFirmware(
  { width, rounds, steps }: FirmwareCase,
  report: (line: string) => void,
): Promise<BenchRecord> {
  const folder = mkdtempSync(join(tmpdir(), "rbnet-bench-"));
  try {
    await writeFirmware(folder, await drawnModel(width), { maps: "float32", arduino: false });
    const compiler = process.env.CC ?? "gcc";
    const program = compiled(compiler, folder);
    const pixels = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 7919) % 256);
    const peer = await floatResNet();
    const [ours, theirs]: [number[], number[]] = [[], []];
    // A round that does not count, for caches and the first allocations.
    for (let round = -1; round < rounds; round++) {
      const milliseconds = [1_000 * Number(run(program, [String(steps)], pixels)), await peer(steps)] as const;
      if (round < 0) continue;
      ours.push(rounded(milliseconds[0]));
      theirs.push(rounded(milliseconds[1]));
      report(`round ${round + 1} of ${rounds}: ${ours.at(-1)} ms in C, ${theirs.at(-1)} ms in ONNX Runtime`);
    }
    const peers = { "onnxruntime-node": rounded(median(theirs)) };
    return {
      bench: "firmware",
      case: `rbnet20-w${width}-${SIDE}-batch1-c-1thread`,
      unit: "ms",
      ours: rounded(median(ours)),
      peers,
      ratios: ratios(median(ours), peers, "less"),
      absent: [],
      versions: { compiler: run(compiler, ["--version"]).split("\n")[0] ?? "", "onnxruntime-node": runtimeVersion() },
      rounds: { ours, "onnxruntime-node": theirs },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const require = createRequire(join(repository, "package.json"));

function runtimeVersion(): string {
  return (require("onnxruntime-node/package.json") as { version: string }).version;
}

/** Runs a float ResNet-20 so many times on one thread; milliseconds of a run. */
async function floatResNet(): Promise<(steps: number) => Promise<number>> {
  let onnx: OnnxRuntime;
  try {
    onnx = require("onnxruntime-node") as OnnxRuntime;
  } catch (error) {
    throw new UserError("onnxruntime-node is not installed, which this compares with; npm install --no-save onnxruntime-node", {
      cause: error,
    });
  }
  const session = await onnx.InferenceSession.create(resnet20({ classes: CLASSES, side: SIDE }), {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
  });
  const input = Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => ((i * 7919) % 256) / 128 - 1);
  const feeds = { [session.inputNames[0] as string]: new onnx.Tensor("float32", input, [1, 3, SIDE, SIDE]) };
  return async (steps) => {
    const start = performance.now();
    for (let step = 0; step < steps; step++) await session.run(feeds);
    return (performance.now() - start) / steps;
  };
}

function run(program: string, words: readonly string[], input?: Uint8Array): string {
  const { error, status, stdout, stderr } = spawnSync(program, words, { input, encoding: "utf8" });
  if (error !== undefined)
    throw new UserError(`${program} cannot be run (${error.message}); install a C compiler`, { cause: error });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout;
}

function compiled(compiler: string, folder: string): string {
  const program = join(folder, "program");
  const sources = [join(folder, "rbnet.c"), join(folder, "model.c"), join(repository, "scripts/firmware/host.c")];
  run(compiler, ["-O2", "-std=c99", "-I", folder, ...sources, "-o", program]);
  return program;
}

/** A network that was never trained: its work does not depend on its weights. */
async function drawnModel(width: number): Promise<Model> {
  using backend = await createWasmBackend({ threads: 1 });
  const random = new Random(1);
  const description = rbnet20({ classes: CLASSES, width, size: SIDE });
  const network = new Network(backend, description, {
    normal: (count, standardDeviation) => Float32Array.from({ length: count }, () => standardDeviation * random.normal()),
  });
  return {
    network: { name: description.name, width },
    classes: Array.from({ length: CLASSES }, (_, i) => `class ${i}`),
    size: SIDE,
    mean: [0.5, 0.5, 0.5],
    standardDeviation: [0.25, 0.25, 0.25],
    operations: await network.fold(),
  };
}
