/**
 * `npm run bench -- pipeline --data <folder of images by class>`: photographs decoded, randomly cropped and scaled, mirrored,
 * varied in colour and normalized, against torchvision behind PyTorch's DataLoader with as many workers.
 */
import { join } from "node:path";
import { z } from "zod";
import { messageOf } from "#rbnet/errors";
import { median } from "#rbnet/quantile";
import { interleave } from "./interleave.js";
import { peerPython } from "./peer-python.js";
import { type BenchRecord, ratios, rounded } from "./record.js";
import { StepProcess } from "./step-process.js";
import { repository } from "./versions.js";

export const PipelineCase = z.strictObject({
  data: z.string({ error: "a folder of images by class was expected" }).min(1),
  batch: z.int().positive(),
  workers: z.int().positive(),
  rounds: z.int().positive(),
  steps: z.int().positive(),
});

export type PipelineCase = z.infer<typeof PipelineCase>;

const PEER = "torchvision";
const SIZE = 224;

/** Runs the case; progress goes to `report`. A peer that is not installed, or does not start, is named as absent. */
export async function benchPipeline(options: PipelineCase, report: (line: string) => void): Promise<BenchRecord> {
  const { data, batch, workers, rounds, steps } = options;
  const flags = ["--data", data, "--size", String(SIZE), "--batch", String(batch), "--workers", String(workers)];
  const started: StepProcess[] = [];
  try {
    const script = join(repository, "dist-bench", "ours-pipeline.js");
    started.push(await StepProcess.start("ours", { program: process.execPath, arguments: [script, ...flags] }));
    const python = peerPython(process.env);
    if (python === undefined) report(`${PEER} is absent: run bench/peers/setup.sh to install it`);
    else {
      const peer = { program: python, arguments: ["-B", join(repository, "bench", "peers", "pipeline.py"), ...flags] };
      const running = await StepProcess.start(PEER, peer).catch((error: unknown) => {
        report(`${PEER} is absent: ${messageOf(error)}`);
        return undefined;
      });
      if (running !== undefined) started.push(running);
    }
    report(`${rounds} rounds of ${steps} batches: ${started.map(({ name }) => name).join(", ")}`);
    const seconds = await interleave(started, { warmupSteps: steps, rounds, steps });
    const rates = new Map([...seconds].map(([name, perStep]) => [name, perStep.map((value) => batch / value)]));
    const ours = median(rates.get("ours") ?? []);
    const peers = Object.fromEntries(
      started.filter(({ name }) => name !== "ours").map(({ name }) => [name, rounded(median(rates.get(name) ?? []))]),
    );
    return {
      bench: "pipeline",
      case: `photographs-${SIZE}-batch${batch}-${workers}workers`,
      unit: "images/s",
      ours: rounded(ours),
      peers,
      ratios: ratios(ours, peers, "more"),
      absent: PEER in peers ? [] : [PEER],
      versions: Object.fromEntries(started.map(({ name, version }) => [name === "ours" ? "rbnet" : name, version])),
      rounds: Object.fromEntries([...rates].map(([name, values]) => [name, values.map(rounded)])),
    };
  } finally {
    for (const child of started) await child.quit();
  }
}
