/**
 * `npm run bench -- <benchmark> [options]`: runs a benchmark, or a comparison, and prints a table, or with --json one object a
 * line and nothing else.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { ZodError } from "zod";
import { UserError } from "#rbnet/errors";
import { firstProblem } from "#rbnet/problems";
import { chart, readRecords } from "./chart.js";
import { benchCluster, clusterTable } from "./cluster.js";
import { benchFineTuning, COUNTS, FineTuningCase, fineTuningTable } from "./fine-tuning.js";
import { benchFirmware, FirmwareCase } from "./firmware.js";
import { benchInference, InferenceCase } from "./inference.js";
import { benchKernels, KernelsCase } from "./kernels.js";
import { compareLayers, LayersCase, layersTable } from "./layers.js";
import { measuredBackend } from "./measured-backends.js";
import { benchPipeline, PipelineCase } from "./pipeline.js";
import { type BenchRecord, jsonLine, table } from "./record.js";
import { benchScaling, ScalingCase } from "./scaling.js";
import { benchLopsided, benchSmallData, SmallDataCase, smallDataTable } from "./small-data.js";
import { benchTraining, TrainingCase, trainingPeers, usualPeers } from "./training.js";
import { benchViews, ViewsCase } from "./views.js";

const USAGE = `Usage: npm run bench -- <training|inference|kernels|scaling|pipeline|views|layers|fine-tuning|
                         small-data|lopsided|cluster|firmware> [options]
       npm run bench -- chart <file...>

  training   our training step against the same step in PyTorch (install it with bench/peers/setup.sh)
  inference  rbnet18 on one image against ONNX Runtime on a float and an 8-bit ResNet-18 (install it likewise)
  kernels    kernels alone, beside what the machine's instructions do at best
  scaling    the training step and the answer to one image, by threads, batch and pixels
  pipeline   photographs to augmented batches, against torchvision (install it likewise); needs --data
  views      steps that look a teacher's answers up against steps without a teacher, on real data; needs --data and --views
  firmware   rbnet20 exported as C on one image against ONNX Runtime on a float ResNet-20
  layers     outputs and gradients of every layer of our networks against PyTorch's (install it likewise); exit code 1 where they disagree
  cluster    steps by several processes, and as root sums of gradients over links of chosen rate and delay; needs Open MPI
  chart      draws what the others have printed with --json, as SVG
  fine-tuning  not a time: accuracy of networks that start from a trained one, where images are few; needs --data
  small-data accuracy of the defaults beside flags, on 40 images of each of three classes; needs --data
  lopsided   accuracy with class weights and a balanced sampler, where a class has ten times the images of two others; needs --data

Options:
  --json             one JSON object a line on standard output, progress on standard error
  --threads <number> threads of each side (default: training and scaling 2, else 1)
  --steps <number>   training steps or images of each side in a round (default: training 4, inference 20)
  --rounds <number>  rounds, taken in turn (default 7)
  --network <name>   training: rbnet20 (default) or rbnet18; layers: a network (default: all)
  --peers <list>     training: which of ${trainingPeers.join(", ")}
                     (default: those on the processor, or with --backend webgpu those on CUDA)
  --width <number>   training, scaling, firmware: width of the network (default 2; rbnet18 1)
  --batch <number>   training: images a step (default 128; rbnet18 32); inference: images at once (default 1)
  --views <folder>   views: of the training images of --data, as \`rbnet views\` writes them
  --data <folder>    pipeline: images by class; fine-tuning, small-data, lopsided: with train/ and test/ (or val/)
  --start <folder>   fine-tuning: a run on the first six tenths of the classes (default: trained first)
  --images <list>    fine-tuning: images of each class: ${COUNTS.join(", ")} (default: all three)
  --draws <list>     small-data, lopsided: what is drawn, by number (default: 1 to 6, 1 to 3)
  --set <name>       fine-tuning: test (default), or validation to choose settings by
  --backend <name>   wasm (default), native or, for training and inference, webgpu; layers: reference, too (default: all but webgpu)
  --precision <name> training: float32 (default), bfloat16 (native) or float16 (webgpu), where gradients multiply signs
  --keep-every <n>   training: our side keeps the map of every n-th unit and computes the others again (default 1)

Example: npm run bench -- training --width 1 --json`;

/** Mean number of running threads over the last minute, below which a machine counts as idle. */
const QUIET_LOAD = 0.7;

const OPTIONS = {
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
  network: { type: "string" },
  width: { type: "string" },
  batch: { type: "string" },
  peers: { type: "string" },
  backend: { type: "string" },
  precision: { type: "string" },
  "keep-every": { type: "string" },
  data: { type: "string" },
  views: { type: "string" },
  start: { type: "string" },
  images: { type: "string" },
  set: { type: "string" },
  draws: { type: "string" },
  threads: { type: "string" },
  steps: { type: "string" },
  rounds: { type: "string", default: "7" },
} as const;

interface Values {
  readonly network?: string;
  readonly width?: string;
  readonly batch?: string;
  readonly peers?: string;
  readonly backend?: string;
  readonly precision?: string;
  readonly "keep-every"?: string;
  readonly data?: string;
  readonly views?: string;
  readonly start?: string;
  readonly images?: string;
  readonly set?: string;
  readonly draws?: string;
  readonly threads?: string;
  readonly steps?: string;
  readonly rounds: string;
}

/** Each benchmark, from what the command line says. */
const BENCHMARKS: Readonly<
  Record<
    "training" | "inference" | "kernels" | "scaling" | "pipeline" | "views" | "firmware",
    (values: Values, report: (line: string) => void) => Promise<BenchRecord | readonly BenchRecord[]>
  >
> = {
  training: (
    {
      backend = "wasm",
      network = "rbnet20",
      width,
      batch,
      threads = "2",
      steps = "4",
      rounds,
      peers,
      precision,
      "keep-every": keepEvery = "1",
    },
    report,
  ) =>
    benchTraining(
      TrainingCase.parse({
        backend,
        network,
        width: Number(width ?? (network === "rbnet18" ? 1 : 2)),
        batch: Number(batch ?? (network === "rbnet18" ? 32 : 128)),
        threads: Number(threads),
        rounds: Number(rounds),
        steps: Number(steps),
        precision,
        keepEvery: Number(keepEvery),
        peers: peers?.split(",") ?? usualPeers(measuredBackend(backend)),
      }),
      report,
    ),
  inference: ({ backend = "wasm", batch = "1", threads = "1", steps = "20", rounds }, report) =>
    benchInference(
      InferenceCase.parse({
        backend,
        batch: Number(batch),
        threads: Number(threads),
        rounds: Number(rounds),
        steps: Number(steps),
      }),
      report,
    ),
  pipeline: ({ data, threads = "2", steps = "4", rounds }, report) =>
    benchPipeline(
      PipelineCase.parse({ data, batch: 32, workers: Number(threads), rounds: Number(rounds), steps: Number(steps) }),
      report,
    ),
  views: (
    { backend = "native", network = "rbnet20", width = "1", batch = "64", data, views, threads = "1", steps = "20", rounds },
    report,
  ) =>
    benchViews(
      ViewsCase.parse({
        backend,
        network,
        width: Number(width),
        batch: Number(batch),
        data,
        views,
        threads: Number(threads),
        rounds: Number(rounds),
        steps: Number(steps),
      }),
      report,
    ),
  kernels: ({ backend = "wasm", threads = "1", rounds }, report) =>
    benchKernels(KernelsCase.parse({ backend, threads: Number(threads), rounds: Number(rounds) }), report),
  firmware: ({ width = "1", steps = "20", rounds }, report) =>
    benchFirmware(FirmwareCase.parse({ width: Number(width), rounds: Number(rounds), steps: Number(steps) }), report),
  scaling: ({ backend = "wasm", threads = "2", width = "2", rounds }, report) =>
    benchScaling(ScalingCase.parse({ backend, threads: Number(threads), width: Number(width), rounds: Number(rounds) }), report),
};

process.exitCode = await main(process.argv.slice(2));

/** Returns the exit code: 2 for a command that cannot be carried out as it was given. */
async function main(commandLine: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...commandLine], options: OPTIONS, allowPositionals: true });
    if (values.help) {
      process.stdout.write(`${USAGE}\n`);
      return 0;
    }
    const [first, ...files] = positionals;
    if (first === "chart") {
      if (files.length === 0)
        throw new UserError("chart draws records, but no file of them was given: see npm run bench -- --help");
      process.stdout.write(`${chart(readRecords(files))}\n`);
      return 0;
    }
    const benchmark = positionals.join(" ");
    if (benchmark === "layers") return await layers(values);
    if (benchmark === "fine-tuning") return await fineTuning(values);
    if (benchmark === "small-data" || benchmark === "lopsided") return await smallData(benchmark, values);
    if (benchmark === "cluster") return cluster(values.json);
    const run = Object.hasOwn(BENCHMARKS, benchmark) ? BENCHMARKS[benchmark as keyof typeof BENCHMARKS] : undefined;
    if (run === undefined)
      throw new UserError(
        `the benchmark is "${benchmark}" where ${Object.keys(BENCHMARKS).join(", ")}, layers, fine-tuning, small-data, lopsided, ` +
          "cluster or chart was expected: see npm run bench -- --help",
      );
    warnOfOtherWork();
    const records = await run(values, (line) => process.stderr.write(`${line}\n`));
    for (const record of [records].flat()) print(record, values.json);
    return 0;
  } catch (error) {
    const message = complaint(error);
    if (message === undefined) throw error;
    process.stderr.write(`${message}\n`);
    return 2;
  }
}

/** Exit code 1: a layer computes something else than PyTorch. */
async function layers({ network, backend, threads = "1", json }: Values & { readonly json: boolean }): Promise<number> {
  const records = await compareLayers(LayersCase.parse({ network, backend, threads: Number(threads) }), (line) =>
    process.stderr.write(`${line}\n`),
  );
  process.stdout.write(`${json ? records.map((record) => JSON.stringify(record)).join("\n") : layersTable(records)}\n`);
  return records.every(({ agrees }) => agrees) ? 0 : 1;
}

async function fineTuning({
  data,
  start,
  threads = "1",
  images = COUNTS.join(),
  set = "test",
  json,
}: Values & { readonly json: boolean }): Promise<number> {
  const counts = images.split(",").map(Number);
  const given = { data, threads: Number(threads), set, seeds: 3, images: counts, ...(start === undefined ? {} : { start }) };
  const records = await benchFineTuning(FineTuningCase.parse(given), (line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${json ? records.map((record) => JSON.stringify(record)).join("\n") : fineTuningTable(records)}\n`);
  return 0;
}

async function smallData(
  benchmark: "small-data" | "lopsided",
  { data, threads = "1", draws = benchmark === "lopsided" ? "1,2,3" : "1,2,3,4,5,6", json }: Values & { readonly json: boolean },
): Promise<number> {
  const given = SmallDataCase.parse({ data, threads: Number(threads), draws: draws.split(",").map(Number) });
  const bench = benchmark === "lopsided" ? benchLopsided : benchSmallData;
  const records = await bench(given, (line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${json ? records.map((record) => JSON.stringify(record)).join("\n") : smallDataTable(records)}\n`);
  return 0;
}

function cluster(json: boolean): number {
  const records = benchCluster((line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${json ? records.map((record) => JSON.stringify(record)).join("\n") : clusterTable(records)}\n`);
  return 0;
}

/** PyTorch's threads wait for each other by spinning, so beside other work it slows down several times more than we do. */
function warnOfOtherWork(): void {
  const [load = 0] = loadavg();
  if (load > QUIET_LOAD) {
    process.stderr.write(
      `warning: other work runs on this machine (load ${load.toFixed(1)}), so these figures compare nothing; wait until it ends\n`,
    );
  }
}

function print(record: BenchRecord, json: boolean): void {
  process.stdout.write(`${json ? jsonLine(record) : table(record)}\n`);
}

/** One sentence on a command that cannot be carried out; undefined for a failure of ours. */
function complaint(error: unknown): string | undefined {
  if (error instanceof UserError) return error.message;
  if (error instanceof ZodError) {
    const { place, message } = firstProblem(undefined, error);
    return `--${place}: ${message}; see npm run bench -- --help`;
  }
  const isBadFlag = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  return isBadFlag ? `${error.message.split(".")[0]}; see npm run bench -- --help` : undefined;
}
