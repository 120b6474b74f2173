/**
 * The shortcut without parameters of a unit that halves the map or has a multiple of its channels: the average of 2x2 pixels, and
 * its channels several times, one after the other (ReActNet, section 4.1). No real multiply-accumulates, where a projection has C
 * C' a pixel.
 */
import type { Backend } from "../backend/device.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { AveragePool } from "./average-pool.js";
import type { Folding, Layer, LayerSummary } from "./layer.js";
import { RepeatChannels } from "./repeat-channels.js";

export interface RepeatedShortcutOptions {
  readonly name: string;
  readonly input: MapShape;
  /** Channels of the output: a multiple of the input's. */
  readonly channels: number;
  readonly stride: 1 | 2;
}

export class RepeatedShortcut implements Layer {
  readonly parameters = [];
  readonly states = [];
  readonly output: MapShape;
  /** The pool where the map is halved, then the repetition where channels are. */
  private readonly parts: readonly (AveragePool | RepeatChannels)[];

  constructor(backend: Backend, { name, input, channels, stride }: RepeatedShortcutOptions) {
    const pool = stride === 2 ? [new AveragePool(backend, `${name}.pool`, input, stride)] : [];
    const pooled = pool[0]?.output ?? input;
    const times = channels / input.channels;
    this.parts = times === 1 ? pool : [...pool, new RepeatChannels(backend, `${name}.repeat`, pooled, times)];
    this.output = { ...pooled, channels };
  }

  bind(images: number): void {
    for (const part of this.parts) part.bind(images);
  }

  forward(x: Tensor): Tensor {
    return this.parts.reduce((value, part) => part.forward(value), x);
  }

  /** gradient: of the output, kept as it is. */
  backward(gradient: Tensor): Tensor {
    return this.parts.reduceRight((value, part) => part.backward(value), gradient);
  }

  summary(): readonly LayerSummary[] {
    return this.parts.flatMap((part) => part.summary());
  }

  fold(folding: Folding, input: number): number {
    let value = input;
    for (const part of this.parts) value = part.fold(folding, value);
    return value;
  }
}
