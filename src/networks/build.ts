/** From a network's description to its layers: the stem, the units of each stage, the average pool and the classifier. */
import type { Backend } from "../backend/device.js";
import { UserError } from "../errors.js";
import { AveragePool } from "../layers/average-pool.js";
import { BasicBlock } from "../layers/basic-block.js";
import { BinaryBlock } from "../layers/binary-block.js";
import { BinaryUnit } from "../layers/binary-unit.js";
import { ConvolutionUnit } from "../layers/convolution-unit.js";
import { Dense } from "../layers/dense.js";
import type { Layer } from "../layers/layer.js";
import { MaxPool } from "../layers/max-pool.js";
import type { Declarations } from "../layers/parameters.js";
import { ProjectionShortcut } from "../layers/projection-shortcut.js";
import { RepeatedShortcut } from "../layers/repeated-shortcut.js";
import { INITIAL_GAMMA, INITIAL_GAMMA_OF_SUM, ResidualUnit } from "../layers/residual-unit.js";
import type { MapShape, Windows } from "../runtime/windows.js";
import {
  type BinaryDescription,
  blockPattern,
  gatedIn,
  grid,
  halvingWindows,
  type NetworkDescription,
  type QuickNetDescription,
  type ReActDescription,
  type ResNetDescription,
  type XnorDescription,
} from "./description.js";
import { stageName } from "./stages.js";

/** Declares all parameters, in the order of the layers. */
export function buildLayers(backend: Backend, description: NetworkDescription, declarations: Declarations): readonly Layer[] {
  return new Builder(backend, description, declarations).build();
}

/** A place in a stage: what a unit or block there is built from. */
interface Place {
  readonly name: string;
  readonly input: MapShape;
  readonly channels: number;
  readonly stride: 1 | 2;
  /** Number in its stage. */
  readonly index: number;
  /** Of its stage. */
  readonly isLast: boolean;
}

/** Whether the input itself can be the shortcut. */
function keepsMap({ input, channels, stride }: Pick<Place, "input" | "channels" | "stride">): boolean {
  return stride === 1 && input.channels === channels;
}

class Builder {
  private readonly layers: Layer[] = [];
  private map: MapShape;

  constructor(
    private readonly backend: Backend,
    private readonly description: NetworkDescription,
    private readonly declarations: Declarations,
  ) {
    this.map = description.input;
  }

  build(): readonly Layer[] {
    const { backend, description, declarations } = this;
    this.addStem();
    for (const [stage, { channels, units, halve }] of description.stages.entries()) {
      const isHalvedBefore = halve && description.body === "quicknet";
      if (isHalvedBefore) this.addTransition(`${stageName(stage)}.transition`, channels);
      for (let unit = 0; unit < units; ) {
        const stride = halve && !isHalvedBefore && unit === 0 ? 2 : 1;
        const place = { input: this.map, channels, stride, index: unit, isLast: unit === units - 1 } as const;
        const { layer, taken } = this.part(description, place, stage);
        this.add(layer);
        unit += taken;
      }
    }
    const { height, width, channels } = this.map;
    this.add(new AveragePool(backend, "pool", this.map, Math.min(height, width)));
    const { map } = this;
    this.add(new Dense(backend, "classifier", map.height * map.width * channels, description.classes, declarations));
    return this.layers;
  }

  private add(layer: Layer): void {
    this.layers.push(layer);
    this.map = layer.output;
  }

  private addStem(): void {
    const { backend, declarations } = this;
    for (const [
      index,
      { windows, channels, depthToSpace, activation = "balanced", maxPool, averagePool },
    ] of this.description.stem.entries()) {
      const name = `stem${index + 1}`;
      const options = { name, input: this.map, channels, windows, depthToSpace, activation, first: index === 0 };
      this.add(new ConvolutionUnit(backend, options, declarations));
      if (maxPool !== undefined) this.add(new MaxPool(backend, `${name}.pool`, this.map, maxPool));
      if (averagePool !== undefined) this.add(new AveragePool(backend, `${name}.pool`, this.map, averagePool));
    }
  }

  /** The unit or block at a place of stage number `stage`, and how many of the stage's units it takes. */
  private part(description: NetworkDescription, place: Omit<Place, "name">, stage: number): { layer: Layer; taken: number } {
    const unit = { ...place, name: `${stageName(stage)}.unit${place.index + 1}` };
    const block = { ...place, name: `${stageName(stage)}.block${place.index / 2 + 1}` };
    switch (description.body) {
      case undefined:
        return { layer: this.residualUnit(description, unit, gatedIn(description, stage)), taken: 1 };
      case "resnet":
        return { layer: this.basicBlock(description, block), taken: 2 };
      case "xnor":
        return { layer: this.binaryBlock(description, block), taken: 2 };
      case "reactnet-a":
        return { layer: this.mobileUnit(description, unit), taken: 1 };
      case "quicknet":
        return { layer: this.quickUnit(description, unit), taken: 1 };
    }
  }

  private residualUnit(description: BinaryDescription, place: Place, gated: boolean): Layer {
    const { name, input, channels, stride, index } = place;
    const { convolution, estimator, learnThreshold, activation = "balanced", blocks, shortcut } = description;
    this.checkHalving(stride);
    let windows: Windows = grid(3, stride);
    if (convolution === "reshaped")
      windows = stride === 2 ? halvingWindows(description.halving) : blockPattern(index, input.height, input.width, blocks);
    const options = { name, input, channels, windows, stride, estimator, learnThreshold, activation, gated };
    const keeps = keepsMap({ input, channels, stride });
    const repeated = shortcut === "repeated" && !keeps ? this.repeated({ name, input, channels, stride }) : undefined;
    const initialGamma = shortcut === "repeated" ? INITIAL_GAMMA_OF_SUM : INITIAL_GAMMA;
    return new ResidualUnit(this.backend, options, this.declarations, repeated, initialGamma);
  }

  /** A 3x3 and a 1x1 in turn; the 3x3 may halve the map, the 1x1 may have more channels. */
  private mobileUnit({ estimator }: ReActDescription, { name, input, channels, stride, index }: Place): Layer {
    const { backend, declarations } = this;
    this.checkHalving(stride);
    const shared = { name, input, estimator, learnThreshold: true, activation: "rprelu" } as const;
    if (index % 2 === 0) {
      const spatial = { ...shared, channels: input.channels, windows: grid(3, stride), stride };
      return new ResidualUnit(backend, spatial, declarations, stride === 2 ? this.repeated(spatial) : undefined);
    }
    const pointwise = { ...shared, channels, windows: grid(1, 1), stride: 1 } as const;
    return new ResidualUnit(backend, pointwise, declarations, channels > input.channels ? this.repeated(pointwise) : undefined);
  }

  /** The ReLU that precedes what halves the map, and the last pool, is the last unit's. */
  private quickUnit({ estimator }: QuickNetDescription, { name, input, channels, isLast }: Place): Layer {
    const activation = isLast ? "relu" : "prelu";
    const options = {
      name,
      input,
      channels,
      windows: grid(3, 1),
      stride: 1,
      estimator,
      learnThreshold: false,
      activation,
    } as const;
    return new ResidualUnit(this.backend, options, this.declarations);
  }

  /** Halves the whole map: the largest of 2x2 pixels at every pixel, the average of 2x2 of these, a full-precision 1x1 convolution. */
  private addTransition(name: string, channels: number): void {
    const { backend, declarations } = this;
    this.checkHalving(2);
    this.add(new MaxPool(backend, `${name}.largest`, this.map, { kind: "grid", kernel: 2, stride: 1, padding: 1 }));
    this.add(new AveragePool(backend, `${name}.pool`, this.map, 2));
    const options = { name, input: this.map, channels, windows: grid(1, 1), depthToSpace: false, activation: "none" } as const;
    this.add(new ConvolutionUnit(backend, { ...options, first: false }, declarations));
  }

  private basicBlock({ shortcut }: ResNetDescription, { name, input, channels, stride }: Place): Layer {
    const { backend, declarations } = this;
    const unit = (part: string, from: MapShape, windows: Windows, activation: "relu" | "none"): ConvolutionUnit => {
      const options = { name: `${name}.${part}`, input: from, channels, windows, depthToSpace: false, activation, first: false };
      return new ConvolutionUnit(backend, options, declarations);
    };
    const first = unit("convolution1", input, grid(3, stride), "relu");
    const second = unit("convolution2", first.output, grid(3, 1), "relu");
    if (keepsMap({ input, channels, stride })) return new BasicBlock(backend, { first, second, shortcut: undefined });
    if (shortcut === "strided")
      return new BasicBlock(backend, { first, second, shortcut: unit("shortcut", input, grid(1, stride), "none") });
    return new BasicBlock(backend, { first, second, shortcut: this.projection({ name, input, channels, stride }) });
  }

  private binaryBlock({ estimator }: XnorDescription, { name, input, channels, stride }: Place): Layer {
    const { backend, declarations } = this;
    const shortcut = keepsMap({ input, channels, stride }) ? undefined : this.projection({ name, input, channels, stride });
    const shared = { channels, estimator, activation: "none" } as const;
    const part = { ...shared, name: `${name}.convolution1`, input, windows: grid(3, stride), stride };
    // The paper normalizes before each sign. Before the first, a threshold is what is left of it; before the second, the first
    // one's normalization does it.
    const first = new BinaryUnit(backend, { ...part, learnThreshold: true }, 1, declarations);
    const next = { ...shared, name: `${name}.convolution2`, input: first.output, windows: grid(3, 1), stride: 1 } as const;
    const second = new BinaryUnit(backend, { ...next, learnThreshold: false }, INITIAL_GAMMA, declarations);
    return new BinaryBlock(backend, { first, second, shortcut });
  }

  private projection({ name, input, channels, stride }: Omit<Place, "index" | "isLast">): Layer {
    this.checkHalving(stride);
    return new ProjectionShortcut(this.backend, { name: `${name}.shortcut`, input, channels, stride }, this.declarations);
  }

  private repeated({ name, input, channels, stride }: Omit<Place, "index" | "isLast">): Layer {
    if (channels % input.channels !== 0)
      throw new UserError(
        `a shortcut that repeats channels cannot get from ${input.channels} to ${channels} of them in ` +
          `${this.description.name} (width ${this.description.width}); choose a width that makes every stage a multiple of ` +
          "the one before, such as a multiple of 1/16",
      );
    return new RepeatedShortcut(this.backend, { name: `${name}.shortcut`, input, channels, stride });
  }

  /** Windows reach over the border of an odd map, but an average pool does not: the two would differ in size. */
  private checkHalving(stride: 1 | 2): void {
    const { map, description } = this;
    if (stride === 1 || (map.height % 2 === 0 && map.width % 2 === 0)) return;
    const { name, input } = description;
    throw new UserError(
      `${name} on images of ${input.width} x ${input.height} pixels would have to halve a map of ${map.width} x ` +
        `${map.height}, which is odd; choose a size that is a multiple of 32`,
    );
  }
}
