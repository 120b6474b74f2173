/** `rbnet bench`: how fast a model answers on this machine, and where the time goes. */
import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { MachineLimits } from "../backend/device.js";
import { BACKEND_NAMES, type BackendName } from "../backend/machine.js";
import { openBackend } from "../backend/open.js";
import { type OperationTiming, type Timing, timeModel, timeOperations } from "../deploy/measure.js";
import { readModelFile } from "../deploy/model-file.js";
import { networkTitle } from "../networks/description.js";
import { summarizeOperations, totalsOf } from "../networks/summary.js";
import { formatBytes, formatCount, formatShare } from "../quantities.js";
import { listOf, readNumber, readPositive, readThreads } from "./flags.js";
import { bold, dim, milliseconds, print, printJson, printTable } from "./output.js";

interface BenchFlags {
  readonly backend: BackendName;
  readonly threads: readonly number[];
  readonly batch: readonly number[];
  readonly seconds: number;
  readonly json?: boolean;
}

/** One row of the table of whole runs. */
interface Run extends Timing {
  readonly threads: number;
}

interface Report {
  readonly network: string;
  readonly backend: string;
  readonly ops: number;
  /** Absent, as each operation's time is, where calls are only handed over, as on a GPU. */
  readonly limits?: MachineLimits;
  readonly runs: readonly Run[];
  readonly operations: readonly OperationTiming[];
}

const SECONDS_LIMIT = 600;

export function addBench(program: Command): void {
  const cores = availableParallelism();
  program
    .command("bench")
    .description("measure latency, throughput and memory of a model on this machine, and the time of each layer")
    .argument("<model>", "model file that `rbnet train` wrote, or the name of one that comes with rbnet")
    .option("--threads <list>", "numbers of threads to try", listOf(readThreads), cores === 1 ? [1] : [1, cores])
    .option("--batch <list>", "images at a time to try", listOf(readPositive), [1, 16])
    .option("--seconds <n>", "how long to measure each", readSeconds, 2)
    .addOption(
      new Option("--backend <name>", "auto: native where the C accelerator is there, else wasm; webgpu: a GPU")
        .choices(BACKEND_NAMES)
        .default("auto"),
    )
    .option("--json", "one JSON object on standard output: runs, operations, and the limits of the machine")
    .addHelpText(
      "after",
      "\nA time is from decoded pixels to scores. Nothing else should run meanwhile.\n\n" +
        "Example:\n  rbnet bench runs/photos/model.safetensors --threads 1,2 --batch 1",
    )
    .action(bench);
}

async function bench(path: string, { backend: name, threads, batch, seconds, json }: BenchFlags): Promise<void> {
  const model = await readModelFile(path);
  const runs: Run[] = [];
  for (const count of threads) {
    using backend = await openBackend({ threads: count, backend: name });
    for (const images of batch) runs.push({ threads: count, ...(await timeModel(backend, model, images, seconds)) });
  }
  using alone = await openBackend({ threads: 1, backend: name });
  const limits = await alone.limits?.();
  const operations = limits === undefined ? [] : await timeOperations(alone, model, limits, seconds);
  const { ops } = totalsOf(summarizeOperations(model.operations, { height: model.size, width: model.size, channels: 3 }));
  const report = {
    network: networkTitle(model.network),
    backend: alone.description,
    ops,
    ...(limits && { limits }),
    runs,
    operations,
  };
  if (json === true) printJson(report);
  else printReport(report);
}

function printReport({ network, backend, ops, limits, runs, operations }: Report): void {
  print(`${bold(network)}, ${formatCount(ops)} OPs, ${backend.replace(/, \d+ threads?$/, "")}\n`);
  printTable(
    ["threads", "batch", "median ms", "p95 ms", "images/s", "memory"],
    runs.map(({ threads, images, medianMs, p95Ms, imagesPerSecond, memoryBytes }) => [
      String(threads),
      String(images),
      milliseconds(medianMs),
      milliseconds(p95Ms),
      imagesPerSecond.toFixed(imagesPerSecond < 100 ? 1 : 0),
      formatBytes(memoryBytes),
    ]),
    0,
  );
  if (limits === undefined) return;
  print("");
  printTable(
    ["layer", "kind", "ms", "share", "least ms", "of the limit"],
    operations.map(({ name, kind, medianMs, share, limitMs }) => [
      name,
      kind,
      milliseconds(medianMs),
      formatShare(share),
      ...(limitMs === 0 ? ["-", "-"] : [milliseconds(limitMs), formatShare(limitMs / medianMs)]),
    ]),
    2,
  );
  print(
    dim(
      "\nOne image, one thread. The least time is the layer's arithmetic at this machine's best: " +
        `${formatCount(limits.binaryMacsPerSecond)} binary and ${formatCount(limits.realMacsPerSecond)} real ` +
        "multiply-accumulates a second.",
    ),
  );
}

function readSeconds(text: string): number {
  const seconds = readNumber(text);
  if (seconds <= 0 || seconds > SECONDS_LIMIT)
    throw new InvalidArgumentError(`A number above 0 and up to ${SECONDS_LIMIT} is expected.`);
  return seconds;
}
