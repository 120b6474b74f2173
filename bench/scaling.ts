/**
 * `npm run bench -- scaling`: how the training step and the answer to one image grow with threads, batch and pixels. Each variant
 * is a process of ours; they take turns, and every ratio is to the first of its record.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { MachineLimits } from "#rbnet/backend/device";
import { median } from "#rbnet/quantile";
import { writeRandomModel } from "./inference.js";
import { interleave } from "./interleave.js";
import { machineLimits } from "./machine-limits.js";
import { type BenchRecord, ratios, rounded } from "./record.js";
import { StepProcess } from "./step-process.js";
import { installedVersion, repository } from "./versions.js";

export const ScalingCase = z.strictObject({
  backend: z.enum(["wasm", "native"]),
  threads: z.int().positive(),
  width: z.number().positive(),
  rounds: z.int().positive(),
});

export type ScalingCase = z.infer<typeof ScalingCase>;

/** What is compared: variants by name, the first the base; `work`: images, or images of 32 x 32 pixels, of a step. */
interface Comparison {
  readonly name: string;
  readonly unit: "images/s" | "ms";
  readonly steps: number;
  readonly variants: readonly { readonly name: string; readonly work: number; readonly command: readonly string[] }[];
  /** The best ratio that this machine allows. */
  readonly limit: number;
}

export async function benchScaling(options: ScalingCase, report: (line: string) => void): Promise<readonly BenchRecord[]> {
  const { backend, threads } = options;
  report("measuring the machine's limits");
  const [one, all] = [await machineLimits({ threads: 1, backend }), await machineLimits({ threads, backend })];
  const folder = mkdtempSync(join(tmpdir(), "rbnet-bench-"));
  try {
    const model = await writeRandomModel(folder);
    const records: BenchRecord[] = [];
    for (const comparison of comparisons(options, model, one, all)) records.push(await compare(options, comparison, report));
    return records;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function comparisons(
  { backend, threads, width }: ScalingCase,
  model: string,
  one: MachineLimits,
  all: MachineLimits,
): readonly Comparison[] {
  const training = (batch: number, count: number, size = 32): readonly string[] => [
    "ours-training.js",
    ...["--width", String(width), "--batch", String(batch), "--threads", String(count)],
    ...["--size", String(size), "--backend", backend],
  ];
  const inference = (count: number): readonly string[] => [
    "ours-inference.js",
    ...["--model", model, "--backend", backend, "--threads", String(count)],
  ];
  return [
    {
      name: `training-rbnet20-w${width}-32-batch128-threads`,
      unit: "images/s",
      steps: 3,
      limit: all.realMacsPerSecond / one.realMacsPerSecond,
      variants: [1, threads].map((count) => ({
        name: `${count} thread${count === 1 ? "" : "s"}`,
        work: 128,
        command: training(128, count),
      })),
    },
    {
      name: "inference-rbnet18-224-batch1-threads",
      unit: "images/s",
      steps: 20,
      limit: all.binaryMacsPerSecond / one.binaryMacsPerSecond,
      variants: [1, threads].map((count) => ({
        name: `${count} thread${count === 1 ? "" : "s"}`,
        work: 1,
        command: inference(count),
      })),
    },
    {
      name: `training-rbnet20-w${width}-32-batch`,
      unit: "images/s",
      steps: 2,
      limit: 1,
      variants: [32, 64, 128, 256].map((batch) => ({ name: `batch ${batch}`, work: batch, command: training(batch, threads) })),
    },
    {
      name: `training-rbnet20-w${width}-batch32-pixels`,
      unit: "images/s",
      steps: 2,
      limit: 1,
      variants: [32, 64, 96].map((size) => ({
        name: `${size} x ${size}, in images of 32 x 32`,
        work: (32 * size ** 2) / 32 ** 2,
        command: training(32, threads, size),
      })),
    },
  ];
}

async function compare(
  { backend, rounds }: ScalingCase,
  { name, unit, steps, variants, limit }: Comparison,
  report: (line: string) => void,
): Promise<BenchRecord> {
  report(name);
  const started: StepProcess[] = [];
  try {
    for (const variant of variants) {
      const [script = "", ...flags] = variant.command;
      const command = { program: process.execPath, arguments: [join(repository, "dist-bench", script), ...flags] };
      started.push(await StepProcess.start(variant.name, command));
    }
    const seconds = await interleave(started, { warmupSteps: 2 * steps, rounds, steps });
    const rates = variants.map(({ name: variant, work }) => (seconds.get(variant) ?? []).map((value) => work / value));
    const [base = Number.NaN, ...others] = rates.map(median);
    const names = variants.slice(1).map((variant) => variant.name);
    const byName = Object.fromEntries(names.map((variant, i) => [variant, others[i] ?? Number.NaN]));
    const largest = others.at(-1) ?? Number.NaN;
    return {
      bench: "scaling",
      case: `${name}-${backend}`,
      unit,
      ours: rounded(base),
      peers: Object.fromEntries(Object.entries(byName).map(([variant, rate]) => [variant, rounded(rate)])),
      // Of the variants to the first: above 1 where they are faster.
      ratios: ratios(base, byName, "less"),
      limit: rounded(base * limit),
      shareOfLimit: rounded(largest / (base * limit)),
      absent: [],
      versions: { rbnet: installedVersion(), node: process.versions.node },
      rounds: Object.fromEntries(variants.map((variant, i) => [variant.name, (rates[i] ?? []).map(rounded)])),
    };
  } finally {
    for (const child of started) await child.quit();
  }
}
