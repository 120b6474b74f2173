/** Signs of weights in a GPU's memory: packed as the contract packs them, for products and gradients alike. */
import type { Tensor } from "../../tensor.js";
import type { BinaryWeights } from "../terms.js";

export class GpuWeights implements BinaryWeights {
  constructor(
    readonly inputs: number,
    readonly filters: number,
    /** [filters, words(inputs)]. */
    readonly packed: Tensor<"uint32">,
  ) {}
}

export function ownWeights(weights: BinaryWeights): GpuWeights {
  if (!(weights instanceof GpuWeights)) throw new Error("these binary weights belong to another backend");
  return weights;
}
