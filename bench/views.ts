/**
 * `npm run bench -- views`: a training step that looks a teacher's answers up against the same step without a teacher, on the loader and
 * the data of a real run, round by round in turn.
 */
import { join } from "node:path";
import { z } from "zod";
import { median } from "#rbnet/quantile";
import { interleave } from "./interleave.js";
import { type BenchRecord, rounded } from "./record.js";
import { StepProcess } from "./step-process.js";
import { repository } from "./versions.js";

export const ViewsCase = z.strictObject({
  backend: z.enum(["wasm", "native"]),
  network: z.string(),
  width: z.number().positive(),
  batch: z.int().positive(),
  /** As `rbnet train` takes it. */
  data: z.string(),
  views: z.string(),
  threads: z.int().positive(),
  rounds: z.int().positive(),
  steps: z.int().positive(),
});

export type ViewsCase = z.infer<typeof ViewsCase>;

const WARMUP_STEPS = 4;
const WITHOUT = "no teacher";

/** Runs the case; progress goes to `report`. The ratio is the median of the rounds' own, each of two stretches of steps in a row. */
export async function benchViews(options: ViewsCase, report: (line: string) => void): Promise<BenchRecord> {
  const { backend, network, width, batch, data, views, threads, rounds, steps } = options;
  const script = join(repository, "dist-bench", "ours-views.js");
  const shared = Object.entries({ backend, network, width, batch, data, threads }).flatMap(([name, value]) => [
    `--${name}`,
    `${value}`,
  ]);
  const start = (name: string, own: readonly string[]): Promise<StepProcess> =>
    StepProcess.start(name, { program: process.execPath, arguments: [script, ...shared, ...own] });
  const contestants = [await start("ours", ["--views", views])];
  try {
    contestants.push(await start(WITHOUT, ["--crop-of", views]));
    report(`${rounds} rounds of ${steps} steps: with views, without a teacher`);
    const seconds = await interleave(contestants, { warmupSteps: WARMUP_STEPS, rounds, steps });
    const ms = (name: string): readonly number[] => (seconds.get(name) ?? []).map((value) => rounded(1_000 * value));
    const [ours, without] = [ms("ours"), ms(WITHOUT)];
    return {
      bench: "views",
      case: `${network}-w${width}-batch${batch}-${backend}-${threads}thread${threads === 1 ? "" : "s"}`,
      unit: "ms",
      ours: median(ours),
      peers: { [WITHOUT]: median(without) },
      ratios: { [WITHOUT]: rounded(median(without.map((value, round) => value / (ours[round] ?? value)))) },
      absent: [],
      versions: { rbnet: contestants[0]?.version ?? "", node: process.versions.node },
      rounds: { ours, [WITHOUT]: without },
    };
  } finally {
    for (const contestant of contestants) await contestant.quit();
  }
}
