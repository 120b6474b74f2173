/** What is known of the run that a model comes from, where the model lies in its folder. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { runFile } from "../../stores/run-folder.js";
import type { Evaluation } from "./run-records.js";

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
    const [first = ""] = readFileSync(metricsOf(model), "utf8").split("\n", 1);
    const { data, options } = recordSchema.parse(JSON.parse(first));
    return { dataName: data.name, seed: options.seed, validationFraction: data.validationFraction };
  } catch {
    return undefined;
  }
}

const resultSchema = z.object({
  kind: z.literal("result"),
  set: z.enum(["test", "validation"]),
  evaluation: z.object({ images: z.number(), loss: z.number(), top1: z.number(), top5: z.number() }),
});

/** What the network of a run came to. */
export interface TestedRun {
  readonly dataName: string;
  readonly set: "test" | "validation";
  readonly evaluation: Evaluation;
}

/** @param model a model file or the folder of a run; undefined where it is of none, or of one that has not ended */
export function testedRun(model: string): TestedRun | undefined {
  const run = runOfModel(model);
  if (run === undefined) return undefined;
  try {
    const lines = readFileSync(metricsOf(model), "utf8").trimEnd().split("\n");
    const { set, evaluation } = resultSchema.parse(JSON.parse(lines.at(-1) ?? ""));
    return { dataName: run.dataName, set, evaluation };
  } catch {
    return undefined;
  }
}

function metricsOf(model: string): string {
  return runFile(statSync(model).isDirectory() ? model : dirname(model), "metrics");
}
