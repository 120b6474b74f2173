/**
 * One stage of training or two. In two, as the best binary networks are trained (Real-to-Binary Net, section 4.1; ReActNet, section 5.1),
 * the first has binary activations but real weights, and the second starts from its weights and has both binary. Each has a whole schedule.
 */
import { UserError } from "../../errors.js";
import type { WeightForm } from "../../layers/layer.js";
import type { NetworkDescription } from "../../networks/description.js";

export interface TrainingStage {
  /** From 1. */
  readonly number: number;
  /** How many stages there are. */
  readonly of: number;
  /** Of the binary convolutions. */
  readonly weights: WeightForm;
  /** Epochs of the run before it. */
  readonly firstEpoch: number;
  readonly epochs: number;
}

/** The part of a run's settings that says what its stages are. */
export interface StageSettings {
  /** Of all stages. */
  readonly epochs: number;
  readonly stages?: number | undefined;
  readonly firstStageEpochs?: number | undefined;
}

/** In their order. Without `firstStageEpochs` the first of two has half of the epochs, the smaller half where they are odd. */
export function trainingStages({ epochs, stages = 1, firstStageEpochs = epochs >> 1 }: StageSettings): readonly TrainingStage[] {
  if (stages === 1) return [{ number: 1, of: 1, weights: "binary", firstEpoch: 0, epochs }];
  return [
    { number: 1, of: 2, weights: "real", firstEpoch: 0, epochs: firstStageEpochs },
    { number: 2, of: 2, weights: "binary", firstEpoch: firstStageEpochs, epochs: epochs - firstStageEpochs },
  ];
}

/** The stage of an epoch, which counts from 0; after the last epoch the last stage. */
export function stageAt(settings: StageSettings, epoch: number): TrainingStage {
  const stage = trainingStages(settings).findLast(({ firstEpoch }) => epoch >= firstEpoch);
  if (stage === undefined) throw new Error(`there is no epoch ${epoch}`);
  return stage;
}

/** Whether a run may go on with `now` for what it was started with: the same stages but for the last, which has as many epochs or more. */
export function isLonger(before: StageSettings, now: StageSettings): boolean {
  const [old, next] = [trainingStages(before), trainingStages(now)];
  return (
    next.length === old.length &&
    next.every(({ epochs }, i) => epochs === old[i]?.epochs || (i === old.length - 1 && epochs > old[i].epochs))
  );
}

/** The last stage is the one whose network ships. */
export function isLast({ number, of }: TrainingStage): boolean {
  return number === of;
}

/** Whether nothing of the stage is done yet, at a step of an epoch of the run. */
export function isStart({ firstEpoch }: TrainingStage, epoch: number, step: number): boolean {
  return epoch === firstEpoch && step === 0;
}

/** As records say it: nothing of a run of one stage. */
export function stageNumber({ number, of }: TrainingStage): { readonly stage?: number } {
  return of === 1 ? {} : { stage: number };
}

/** What is wrong with the split, and in which setting; undefined where nothing is. */
export function stageProblem({
  epochs,
  stages = 1,
  firstStageEpochs,
}: StageSettings): { readonly setting: keyof StageSettings; readonly message: string } | undefined {
  if (stages === 1 && firstStageEpochs !== undefined)
    return { setting: "firstStageEpochs", message: "it divides two stages, and there is one only" };
  if (stages === 2 && epochs < 2) return { setting: "epochs", message: "two stages need at least two epochs" };
  if (stages === 2 && firstStageEpochs !== undefined && firstStageEpochs >= epochs)
    return {
      setting: "firstStageEpochs",
      message: `it must be below the ${epochs} epochs in all, which the second stage shares`,
    };
  return undefined;
}

/** @throws UserError where a first stage would be no other than the second */
export function checkStages({ name, body }: NetworkDescription, { stages }: StageSettings): void {
  if (stages === 2 && body === "resnet")
    throw new UserError(`${name} has no binary weights, so that a first stage without them means nothing; train it in one stage`);
}
