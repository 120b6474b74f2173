/** What is known of the run that a model comes from, where the model lies in its folder. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { runFile } from "../../stores/run-folder.js";

const recordSchema = z.object({
  kind: z.literal("run"),
  data: z.object({ name: z.string(), validationFraction: z.number().optional() }),
  options: z.object({ seed: z.int() }),
});

export interface TrainedRun {
  readonly dataName: string;
  /** What decided which images were held out. */
  readonly seed: number;
  readonly validationFraction: number | undefined;
}

/** @param model a model file or the folder of a run; undefined where nothing is known of it */
export function runOfModel(model: string): TrainedRun | undefined {
  try {
    const folder = statSync(model).isDirectory() ? model : dirname(model);
    const [first = ""] = readFileSync(runFile(folder, "metrics"), "utf8").split("\n", 1);
    const { data, options } = recordSchema.parse(JSON.parse(first));
    return { dataName: data.name, seed: options.seed, validationFraction: data.validationFraction };
  } catch {
    return undefined;
  }
}
