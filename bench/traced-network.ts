/** A network that keeps what passes between its layers, forward and backward, in the very step that trains: for a comparison layer by layer. */
import type { Backend, TypedArray } from "#rbnet/backend/kernels";
import type { Initializer } from "#rbnet/layers/initializer";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import type { Shape, Tensor } from "#rbnet/tensor";

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

  override forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer, index) => this.keep(`output/${index}`, layer.forward(value)), x);
  }

  override backward(gradient: Tensor): void {
    let current: Tensor | undefined = gradient;
    for (const [index, layer] of [...this.layers.entries()].reverse()) {
      if (current === undefined) throw new Error("only the first layer may end the backward pass");
      // A layer overwrites the gradient of its output.
      current = layer.backward(this.keep(`outputGradient/${index}`, current));
    }
  }

  /** Maps of the last step. */
  async maps(): Promise<ReadonlyMap<string, KeptMap>> {
    return new Map(await Promise.all([...this.kept].map(async ([name, map]) => [name, await map] as const)));
  }

  /** Reads take their turn among the kernels, so this one sees the tensor as it is now. */
  private keep(name: string, tensor: Tensor): Tensor {
    this.kept.set(
      name,
      this.memory.read(tensor).then((data) => ({ shape: tensor.shape, data })),
    );
    return tensor;
  }
}
