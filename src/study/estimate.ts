/** What a study will cost before it is run: operations and size of each row, and its time on this machine, measured by a few steps. */
import { availableParallelism } from "node:os";
import { type BackendName, openBackend } from "../backend/open.js";
import { subsetByClass } from "../data/subset.js";
import { evaluateModel } from "../training/evaluate.js";
import { summarizeNetwork } from "../training/memory.js";
import { Trainer } from "../training/trainer.js";
import type { StudyData, StudyRun } from "./plan.js";
import type { StatedRun } from "./study.js";
import { imagesAnEpoch } from "./train-run.js";

export interface RowEstimate {
  readonly name: string;
  readonly network: string;
  readonly width: number;
  readonly runs: { readonly planned: number; readonly finished: number };
  readonly ops: number;
  readonly binaryMacs: number;
  readonly realMacs: number;
  readonly packedBytes: number;
  readonly trainingBytes: number;
  readonly stepMs: number;
  readonly secondsARun: number;
  /** Of all runs that are not finished, one under way counted whole. */
  readonly secondsLeft: number;
}

export interface EstimateSetup {
  readonly backend?: BackendName;
  readonly threads?: number;
}

/** The first steps wait for images and for the engine's compiler. */
const WARMUP_STEPS = 2;
const MEASURED_STEPS = 6;
const EVALUATED_IMAGES = 256;

/** Row by row, as they are measured. */
export async function* estimateStudy(
  states: readonly StatedRun[],
  data: StudyData,
  setup: EstimateSetup = {},
): AsyncGenerator<RowEstimate> {
  for (const row of new Set(states.map(({ run }) => run.row))) {
    const own = states.filter(({ run }) => run.row === row);
    const [first] = own;
    if (first === undefined) continue;
    const { description, options } = first.run;
    const { totals, trainingBytes } = await summarizeNetwork(description, options.batch);
    const { ops, binaryMacs, realMacs, packedBytes } = totals;
    const { stepMs, evaluationMs } = await measure(first.run, data, setup);
    const { dataset } = data;
    const steps = imagesAnEpoch(dataset, options.batch) / options.batch;
    const validated = dataset.validation?.count ?? 0;
    const evaluated = (options.epochs + 1) * validated + (dataset.test?.count ?? 0);
    const secondsARun = (options.epochs * steps * stepMs + evaluated * evaluationMs) / 1000;
    const finished = own.filter(({ state }) => state.kind === "finished").length;
    yield {
      name: row.name,
      network: row.network,
      width: row.width,
      runs: { planned: own.length, finished },
      ops,
      binaryMacs,
      realMacs,
      packedBytes,
      trainingBytes,
      stepMs,
      secondsARun,
      secondsLeft: (own.length - finished) * secondsARun,
    };
  }
}

/** Milliseconds of a training step, and of evaluating one image. */
async function measure(
  { description, options }: StudyRun,
  { dataset }: StudyData,
  { backend: name = "auto", threads = availableParallelism() }: EstimateSetup,
): Promise<{ readonly stepMs: number; readonly evaluationMs: number }> {
  using backend = await openBackend({ name, threads });
  const times: number[] = [performance.now()];
  await using trainer = await Trainer.create(
    description,
    { ...dataset, validation: undefined, test: undefined },
    { ...options, epochs: WARMUP_STEPS + MEASURED_STEPS },
    {
      backend,
      onStep: () => {
        times.push(performance.now());
        if (times.length > WARMUP_STEPS + MEASURED_STEPS) trainer.requestStop();
      },
    },
  );
  for await (const _epoch of trainer) if (trainer.stopped) break;
  const measured = times.slice(WARMUP_STEPS);
  const stepMs = ((measured.at(-1) ?? 0) - (measured[0] ?? 0)) / (measured.length - 1);
  const images = dataset.validation ?? dataset.test;
  if (images === undefined) return { stepMs, evaluationMs: 0 };
  const enough = Math.max(EVALUATED_IMAGES, dataset.classes.length);
  const few = images.count > enough ? subsetByClass(images, enough, 0) : images;
  const operations = await trainer.network.fold();
  const { classes, size, mean, deviation } = dataset;
  const start = performance.now();
  await evaluateModel(backend, { operations, classes, size, mean, deviation }, few);
  return { stepMs, evaluationMs: (performance.now() - start) / few.count };
}
