/**
 * A network that keeps what passes between its layers, outputs and gradients, in the very step that trains: for a comparison
 * layer by layer.
 */
import type { Backend } from "#rbnet/backend/device";
import type { Initializer } from "#rbnet/layers/initializer";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network, type Visit } from "#rbnet/networks/network";
import type { Shape, Tensor, TypedArray } from "#rbnet/tensor";

export interface KeptMap {
  readonly shape: Shape;
  readonly data: TypedArray;
}

export class TracedNetwork extends Network {
  /** By `output/3` (of layer 3) and `outputGradient/3`. A layer's input is the output of the one before, and so is the gradient of it. */
  private readonly kept = new Map<string, Promise<KeptMap>>();

  constructor(
    private readonly memory: Backend,
    description: NetworkDescription,
    initializer: Initializer,
  ) {
    super(memory, description, initializer);
  }

  override backward(gradient: Tensor, visit?: Visit): void {
    super.backward(gradient, (layer, output, current) => {
      visit?.(layer, output, current);
      this.keep(`output/${layer}`, output);
      // A layer overwrites the gradient of its output.
      this.keep(`outputGradient/${layer}`, current);
    });
  }

  /** Maps of the last step. */
  async maps(): Promise<ReadonlyMap<string, KeptMap>> {
    return new Map(await Promise.all([...this.kept].map(async ([name, map]) => [name, await map] as const)));
  }

  /** Reads take their turn among the kernels, so this one sees the tensor as it is now. */
  private keep(name: string, tensor: Tensor): void {
    this.kept.set(
      name,
      this.memory.read(tensor).then((data) => ({ shape: tensor.shape, data })),
    );
  }
}
