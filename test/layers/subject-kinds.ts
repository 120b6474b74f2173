/**
 * Every kind of layer, to be built in the forms that networks use. The parts of a layer that are no layers of their own (a convolution,
 * the normalized output) are wrapped so that they run like one.
 */
import type { Backend } from "#rbnet/backend/device";
import type { Estimator, ProductResult } from "#rbnet/backend/terms";
import { BasicBlock } from "#rbnet/layers/basic-block";
import { BinaryBlock } from "#rbnet/layers/binary-block";
import { BinaryConvolution } from "#rbnet/layers/binary-convolution";
import { BinaryUnit } from "#rbnet/layers/binary-unit";
import { ConvolutionUnit } from "#rbnet/layers/convolution-unit";
import type { WeightForm } from "#rbnet/layers/layer";
import { MaxPool } from "#rbnet/layers/max-pool";
import { NormalizedOutput } from "#rbnet/layers/normalized-output";
import type { Parameter } from "#rbnet/layers/parameters";
import { ProjectionShortcut } from "#rbnet/layers/projection-shortcut";
import { RealConvolution } from "#rbnet/layers/real-convolution";
import { RepeatedShortcut } from "#rbnet/layers/repeated-shortcut";
import { ResidualUnit } from "#rbnet/layers/residual-unit";
import type { ActivationKind } from "#rbnet/runtime/activation";
import { geometryOf, type MapShape, type Windows, windowMap } from "#rbnet/runtime/windows";
import { elementCount, type Tensor } from "#rbnet/tensor";
import type { Runnable, Subject } from "./prepared.js";

export const grid = (kernel: number, stride: number): Windows => ({ kind: "grid", kernel, stride, padding: kernel >> 1 });
export const blocks = (dilation: number, shift: 0 | 1 = 0): Windows => ({ kind: "blocks", dilation, shift });
export const patches = (size: number): Windows => ({ kind: "patches", size });
export const map = (side: number, channels: number): MapShape => ({ height: side, width: side, channels });

function describeWindows(windows: Windows): string {
  if (windows.kind === "grid") return `${windows.kernel}x${windows.kernel} stride ${windows.stride}`;
  if (windows.kind === "patches") return `patches of ${windows.size}x${windows.size}`;
  return `blocks of dilation ${windows.dilation}${windows.shift === 1 ? ", shifted" : ""}`;
}

function describeMap({ height, width, channels }: MapShape): string {
  return `${height}x${width}x${channels}`;
}

export function realConvolution(windows: Windows, input: MapShape, filters: number, images = 2): Subject {
  return {
    name: `real convolution, ${describeWindows(windows)} on ${images} maps of ${describeMap(input)}`,
    images,
    input,
    build(backend, declarations) {
      const convolution = new RealConvolution(backend, { name: "convolution", input, filters, windows }, declarations);
      const sums = backend.allocate("accumulator", [2, filters]);
      return convolutionRunnable(backend, input, {
        parameters: [convolution.weights],
        bind: (count) => convolution.bind(count, true),
        forward: (x) => convolution.forward(x, sums),
        backward: (dy, x, dx) => convolution.backward(dy, x, dx),
      });
    },
  };
}

export function binaryConvolution(windows: Windows, input: MapShape, filters: number, estimator: Estimator): Subject {
  return {
    name: `binary convolution, ${describeWindows(windows)} on ${describeMap(input)}, ${estimator}`,
    images: 2,
    input,
    estimator,
    build(backend, declarations) {
      const options = { name: "convolution", input, filters, windows, estimator, learnThreshold: true };
      const convolution = new BinaryConvolution(backend, options, declarations);
      const sums = backend.allocate("accumulator", [2, filters]);
      return convolutionRunnable(backend, input, {
        parameters: convolution.parameters,
        bind: (count, weights) => convolution.bind(count, undefined, weights),
        forward: (x) => convolution.forward(x, sums),
        backward: (dy, x, dx) => convolution.backward(dy, x, dx),
      });
    },
  };
}

interface Convolution {
  readonly parameters: readonly Parameter[];
  bind(images: number, weights?: WeightForm): void;
  forward(x: Tensor): ProductResult;
  backward(dy: Tensor, x: Tensor, dx: Tensor): void;
}

/** Keeps the input and gives the gradient a place, as the units around a convolution do. */
function convolutionRunnable(backend: Backend, { height, width, channels }: MapShape, convolution: Convolution): Runnable {
  let input: Tensor | undefined;
  let dx: Tensor | undefined;
  return {
    parameters: convolution.parameters,
    bind(images, _shared, weights) {
      convolution.bind(images, weights);
      dx = backend.allocate("float32", [images, height, width, channels]);
    },
    forward(x) {
      input = x;
      return convolution.forward(x);
    },
    backward(gradient) {
      backend.fill(dx!, 0);
      convolution.backward(gradient, input!, dx!);
      return dx!;
    },
  };
}

/**
 * Normalization, output layout, shortcut and activation alone, on real values in place of a product's result. The shortcut counts
 * as a parameter. `windows` lays the filters over the taps of each block; none leaves them where they are.
 */
export function normalizedOutput(
  output: MapShape,
  options: { windows?: Windows; shortcut: boolean; activation: ActivationKind | "none" },
): Subject {
  const images = 2;
  const { windows } = options;
  const rows = windows === undefined ? output : windowMap(windows, output, 4 * output.channels);
  const parts = [windows && describeWindows(windows), options.shortcut && "shortcut", options.activation];
  return {
    name: ["normalized output", describeMap(output), ...parts.filter(Boolean)].join(", "),
    images,
    input: rows,
    build(backend, declarations) {
      const filters = rows.channels;
      const normalized = new NormalizedOutput(
        backend,
        { name: "unit", filters, output, activation: options.activation },
        declarations,
      );
      const shape = [images, output.height, output.width, output.channels];
      const [value, gradient] = [backend.allocate("float32", shape), backend.allocate("float32", shape)];
      const shortcut = options.shortcut ? value : undefined;
      const M = images * rows.height * rows.width;
      const layout = windows && backend.window(geometryOf(windows, images, output));
      const spare = backend.allocate("float32", [M, filters]);
      let y: Tensor | undefined;
      return {
        parameters: [
          ...normalized.parameters,
          ...(shortcut ? [{ name: "shortcut", kind: "other" as const, value, gradient }] : []),
        ],
        bind: (count) => normalized.bind(count, M),
        forward(x) {
          y = backend.view(x, [M, filters]);
          backend.columnMoments(y, normalized.normalization.sums);
          return normalized.forward(y, layout, shortcut);
        },
        backward(dOut) {
          const dy = normalized.backward(dOut, y!, layout, shortcut, spare);
          const count = elementCount(shape);
          backend.sumColumns(backend.view(dOut, [1, count]), backend.view(gradient, [count]));
          return dy;
        },
      };
    },
  };
}

export function convolutionUnit(
  windows: Windows,
  input: MapShape,
  channels: number,
  depthToSpace: boolean,
  activation: ActivationKind = "balanced",
): Subject {
  const options = { name: "unit", input, channels, windows, depthToSpace, activation, first: false };
  return {
    name: `convolution unit, ${describeWindows(windows)}${depthToSpace ? ", depth to space" : ""} on ${describeMap(input)}, ${activation}`,
    images: 2,
    input,
    build: (backend, declarations) => new ConvolutionUnit(backend, options, declarations),
  };
}

export function residualUnit(
  windows: Windows,
  stride: 1 | 2,
  input: MapShape,
  channels: number,
  estimator: Estimator = "polynomial",
  activation: ActivationKind | "none" = "balanced",
): Subject {
  const options = { name: "unit", input, channels, windows, stride, estimator, learnThreshold: true, activation };
  return {
    name: `residual unit, ${describeWindows(windows)}, stride ${stride}, ${describeMap(input)} to ${channels}, ${estimator}, ${activation}`,
    images: 3,
    input,
    estimator,
    build: (backend, declarations) => new ResidualUnit(backend, options, declarations),
  };
}

/** A unit whose product is weighed by a gate of two hidden channels. */
export function gatedUnit(windows: Windows, stride: 1 | 2, input: MapShape, channels: number): Subject {
  const shared = { name: "unit", input, channels, windows, stride, estimator: "polynomial", learnThreshold: true } as const;
  return {
    name: `gated unit, ${describeWindows(windows)}, stride ${stride}, ${describeMap(input)} to ${channels}`,
    images: 3,
    input,
    estimator: "polynomial",
    // Normalization takes out what a factor does to all images alike: what is left of its gradient is a small difference of large sums.
    tolerance: 2e-4,
    build: (backend, declarations) => new ResidualUnit(backend, { ...shared, activation: "balanced", gated: true }, declarations),
  };
}

/** A unit whose shortcut has no parameters. `channels`: a multiple of the input's. */
export function plainUnit(windows: Windows, stride: 1 | 2, input: MapShape, channels: number): Subject {
  const shared = { input, channels, stride } as const;
  const unit = {
    ...shared,
    name: "unit",
    windows,
    estimator: "polynomial",
    learnThreshold: true,
    activation: "balanced",
  } as const;
  return {
    name: `plain unit, ${describeWindows(windows)}, stride ${stride}, ${describeMap(input)} to ${channels}`,
    images: 2,
    input,
    estimator: "polynomial",
    build: (backend, declarations) =>
      new ResidualUnit(backend, unit, declarations, new RepeatedShortcut(backend, { ...shared, name: "shortcut" })),
  };
}

/** The block of ResNet; `input` keeps the map, the others halve it. */
export function basicBlock(input: MapShape, channels: number, shortcut: "input" | "strided" | "averaged"): Subject {
  const stride = shortcut === "input" ? 1 : 2;
  return {
    name: `basic block, ${describeMap(input)} to ${channels}, shortcut: ${shortcut}`,
    images: 2,
    input,
    build(backend, declarations) {
      const unit = (name: string, from: MapShape, windows: Windows, activation: "relu" | "none") =>
        new ConvolutionUnit(
          backend,
          { name, input: from, channels, windows, depthToSpace: false, activation, first: false },
          declarations,
        );
      const first = unit("first", input, grid(3, stride), "relu");
      const shortcuts = {
        input: () => undefined,
        strided: () => unit("shortcut", input, grid(1, 2), "none"),
        averaged: () => new ProjectionShortcut(backend, { name: "shortcut", input, channels, stride }, declarations),
      };
      const second = unit("second", first.output, grid(3, 1), "relu");
      return new BasicBlock(backend, { first, second, shortcut: shortcuts[shortcut]() });
    },
  };
}

/** The block of XNOR-Net; a change of channels halves the map. */
export function binaryBlock(input: MapShape, channels: number, estimator: Estimator): Subject {
  const stride = input.channels === channels ? 1 : 2;
  return {
    name: `binary block, ${describeMap(input)} to ${channels}, ${estimator}`,
    images: 2,
    input,
    estimator,
    build(backend, declarations) {
      const shared = { channels, estimator, activation: "none" } as const;
      const start = { ...shared, name: "first", input, windows: grid(3, stride), stride, learnThreshold: true } as const;
      const first = new BinaryUnit(backend, start, 1, declarations);
      const next = {
        ...shared,
        name: "second",
        input: first.output,
        windows: grid(3, 1),
        stride: 1,
        learnThreshold: false,
      } as const;
      const shortcut =
        stride === 1 ? undefined : new ProjectionShortcut(backend, { name: "shortcut", input, channels, stride }, declarations);
      return new BinaryBlock(backend, { first, second: new BinaryUnit(backend, next, 1, declarations), shortcut });
    },
  };
}

export function maxPool(windows: Windows, input: MapShape): Subject {
  return {
    name: `max pool, ${describeWindows(windows)} on ${describeMap(input)}`,
    images: 2,
    input,
    build: (backend) => new MaxPool(backend, "pool", input, windows),
  };
}

/** In the first of two stages of training. */
export function withRealWeights(subject: Subject): Subject {
  return { ...subject, name: `${subject.name}, real weights`, weights: "real" };
}
