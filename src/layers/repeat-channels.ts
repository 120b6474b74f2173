/**
 * The channels of a map several times, one after the other: the shortcut of a unit that has so many times the channels (ReActNet,
 * section 4.1).
 */
import type { Backend } from "../backend/device.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import type { Folding, Layer, LayerSummary } from "./layer.js";

/** x: [N, H, W, C] -> [N, H, W, times * C] float32. */
export class RepeatChannels implements Layer {
  readonly parameters = [];
  readonly states = [];
  readonly output: MapShape;
  private out: Tensor | undefined;
  private dx: Tensor | undefined;

  constructor(
    private readonly backend: Backend,
    readonly name: string,
    private readonly input: MapShape,
    private readonly times: number,
  ) {
    this.output = { ...input, channels: times * input.channels };
  }

  bind(images: number): void {
    const { height, width, channels } = this.input;
    this.out = this.backend.allocate("float32", [images, height, width, this.output.channels]);
    this.dx = this.backend.allocate("float32", [images, height, width, channels]);
  }

  forward(x: Tensor): Tensor {
    if (this.out === undefined) throw new Error("forward before bind");
    this.backend.repeatChannels(x, this.times, this.out);
    return this.out;
  }

  /** gradient: of the output, kept as it is. */
  backward(gradient: Tensor): Tensor {
    if (this.dx === undefined) throw new Error("backward before bind");
    this.backend.repeatChannelsGradient(gradient, this.times, this.dx);
    return this.dx;
  }

  summary(): readonly LayerSummary[] {
    const { name, output } = this;
    return [{ name, kind: "repeated channels", output, binaryParameters: 0, realParameters: 0, binaryMacs: 0, realMacs: 0 }];
  }

  fold(folding: Folding, input: number): number {
    return folding.add({ kind: "repeatChannels", name: this.name, input, times: this.times });
  }
}
