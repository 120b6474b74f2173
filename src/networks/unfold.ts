/**
 * Folding the other way round: from the operations of a model file to the parameters and running statistics of the network that folds
 * into them. A parameter has the name of the operation that it becomes part of, so no layer has to be asked. What folding has lost is
 * given by who unfolds: the magnitudes of latent weights, of which signs are left, and the statistics that went into scales.
 */
import { EPSILON } from "../layers/batch-normalization.js";
import type { Operation } from "../runtime/operations.js";
import { tapCount } from "../runtime/windows.js";

/** Of what a convolution gives before its normalization, filter by filter. */
export interface ProductStatistics {
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

/**
 * Values by name; latent weights are +1 and -1. With `statistics` of the products by operation, which may be any where only scores count
 * (they cancel), the normalizations give in training what they give deployed.
 *
 * @throws Error where a convolution has no statistics
 */
export function unfold(
  operations: readonly Operation[],
  statistics: ReadonlyMap<string, ProductStatistics>,
): ReadonlyMap<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const operation of operations) {
    if (operation.kind === "averagePool" || operation.kind === "maxPool" || operation.kind === "repeatChannels") continue;
    const { name } = operation;
    if (operation.kind === "binaryConvolution") {
      values.set(
        `${name}.latent`,
        signsOf(operation.weights, operation.filters, tapCount(operation.windows) * operation.threshold.length),
      );
      values.set(`${name}.threshold`, operation.threshold);
    } else values.set(`${name}.weights`, operation.weights);
    if (operation.kind === "dense") {
      values.set(`${name}.bias`, operation.bias);
      continue;
    }
    const { scale, bias, activation } = operation.epilogue;
    if (activation !== undefined) values.set(`${name}.activation`, activation.values);
    const own = statistics.get(name);
    if (own === undefined) throw new Error(`there are no statistics of ${name}`);
    const [mean, variance] = [Float32Array.from(own.mean), Float32Array.from(own.variance)];
    values.set(`${name}.normalization.running_mean`, mean);
    values.set(`${name}.normalization.running_variance`, variance);
    values.set(
      `${name}.normalization.gamma`,
      scale.map((factor, n) => factor * Math.sqrt((variance[n] as number) + EPSILON)),
    );
    values.set(
      `${name}.normalization.beta`,
      bias.map((shift, n) => shift + (scale[n] as number) * (mean[n] as number)),
    );
  }
  return values;
}

/** Packed rows of filters, [filters, words(K)], as +1 and -1, [K, filters]. */
function signsOf(packed: Uint32Array, filters: number, inputs: number): Float32Array {
  const words = packed.length / filters;
  return Float32Array.from({ length: inputs * filters }, (_, at) => {
    const [k, n] = [Math.floor(at / filters), at % filters];
    return ((packed[n * words + (k >> 5)] as number) >>> (k & 31)) & 1 ? 1 : -1;
  });
}

/**
 * What the operations of two networks differ in, weights aside, and the number of classes, which the last operation gives: undefined where
 * one can be unfolded into the network that the other was folded from.
 */
export function structuralDifference(
  there: readonly Operation[],
  own: readonly Operation[],
): { readonly there: string; readonly own: string } | undefined {
  const [theirs, ours] = [there, own].map((operations) =>
    operations.map((operation, index) => structureOf(operation, index === operations.length - 1)),
  ) as [string[], string[]];
  for (let i = 0; i < Math.max(theirs.length, ours.length); i++)
    if (theirs[i] !== ours[i]) return { there: theirs[i] ?? "nothing", own: ours[i] ?? "nothing" };
  return undefined;
}

/** All but its values, in one order. */
function structureOf(operation: Operation, isLast: boolean): string {
  const { kind, name, input } = operation;
  const windows = "windows" in operation ? operation.windows : undefined;
  const filters = "filters" in operation && !isLast ? operation.filters : undefined;
  const size = operation.kind === "averagePool" ? operation.size : undefined;
  const times = operation.kind === "repeatChannels" ? operation.times : undefined;
  const bend = operation.kind === "dense" ? operation.activation : undefined;
  const epilogue = "epilogue" in operation ? operation.epilogue : undefined;
  const { factors, shortcut, depthToSpace, activation } = epilogue ?? {};
  const laid = epilogue === undefined ? undefined : { factors, shortcut, depthToSpace, activation: activation?.kind };
  return JSON.stringify({ name, kind, input, windows, filters, size, times, bend, ...laid });
}
