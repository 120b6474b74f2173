/** A run whose numbers are none any more: it would train on for hours, and ship what answers nothing. */
import { UserError } from "../../errors.js";
import type { Operation } from "../../runtime/operations.js";
import type { StoredTensor } from "../../runtime/safetensors.js";
import type { Progress } from "./progress.js";

/** @throws UserError where the loss of a step is no number; `epoch` and `step` count from 1 */
export function requireFiniteLoss(loss: number, epoch: number, step: number, learningRate: number): void {
  if (!Number.isFinite(loss))
    throw new UserError(
      `the loss became ${loss} in epoch ${epoch}, step ${step}; use a lower learning rate than ${learningRate}`,
    );
}

/**
 * The loss of an epoch's last step says nothing of the update that follows it.
 *
 * @throws UserError where scale, bias, thresholds or weights of an operation are not all finite
 */
export function requireFiniteWeights(operations: readonly Operation[], epoch: number, learningRate: number): void {
  if (!operations.every(hasFiniteWeights))
    throw new UserError(
      `the weights became infinite in the last step of epoch ${epoch}; use a lower learning rate than ${learningRate}`,
    );
}

/**
 * The loss of a step says nothing of the update that follows it: what is kept is looked at itself.
 *
 * @throws UserError where a value that was trained is not finite
 */
export function requireFiniteTensors(
  tensors: Iterable<StoredTensor>,
  { epoch, step }: Pick<Progress, "epoch" | "step">,
  learningRate: number,
): void {
  for (const { data } of tensors)
    if (!data.every(Number.isFinite))
      throw new UserError(
        `the weights became infinite in epoch ${step === 0 ? epoch : epoch + 1}; use a lower learning rate than ${learningRate}`,
      );
}

function hasFiniteWeights(operation: Operation): boolean {
  const parts: object = "epilogue" in operation ? { ...operation, ...operation.epilogue } : operation;
  return Object.values(parts).every((part: unknown) => !(part instanceof Float32Array) || part.every(Number.isFinite));
}
