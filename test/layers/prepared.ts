/** What a test of layers runs: a layer or a part of one, built, bound and fed, with drawn parameters. */
import type { Backend } from "#rbnet/backend/device";
import type { Estimator, ProductResult } from "#rbnet/backend/terms";
import type { Initializer } from "#rbnet/layers/initializer";
import type { Layer, WeightForm } from "#rbnet/layers/layer";
import { Declarations, type Parameter } from "#rbnet/layers/parameters";
import type { MapShape } from "#rbnet/runtime/windows";
import { elementCount, type Tensor } from "#rbnet/tensor";
import { Draw } from "../backend/shapes.js";

export interface Runnable extends Pick<Layer, "parameters" | "bind" | "backward">, Partial<Pick<Layer, "states">> {
  /** A layer's output, or what a product alone gives. */
  forward(x: Tensor): ProductResult;
}

export interface Subject {
  readonly name: string;
  readonly images: number;
  readonly input: MapShape;
  /** What its signs use; undefined where there is no sign. */
  readonly estimator?: Estimator;
  /** Of binary convolutions; default binary. */
  readonly weights?: WeightForm;
  /** Of float32, where it is more than that of other layers. */
  readonly tolerance?: number;
  build(backend: Backend, declarations: Declarations): Runnable;
}

/** A subject that is built, bound and fed, with drawn parameters that leave nothing at a neutral value. */
export interface Prepared {
  readonly backend: Backend;
  readonly runnable: Runnable;
  readonly x: Tensor;
}

export function prepare(backend: Backend, { build, images, input, weights }: Subject, seed: number): Prepared {
  const draw = new Draw(seed);
  const runnable = declared(backend, (declarations) => build(backend, declarations));
  // Training keeps latent weights within 1; a sign's gradient is tested beyond it too.
  drawParameters(backend, runnable.parameters, draw, weights === "real" ? 1 : 1.3);
  runnable.bind(images, {}, weights);
  const x = backend.allocate("float32", [images, input.height, input.width, input.channels]);
  backend.write(x, draw.reals(images * input.height * input.width * input.channels, 1.5));
  return { backend, runnable, x };
}

export function drawParameters(backend: Backend, parameters: readonly Parameter[], draw: Draw, latentLimit = 1.3): void {
  for (const { name, kind, value } of parameters) {
    const count = elementCount(value.shape);
    if (kind === "latent") backend.write(value, draw.reals(count, latentLimit));
    else if (/gamma$|activation$/.test(name)) backend.write(value, draw.between(count, 0.2, 1.2));
    else backend.write(value, draw.reals(count, 0.6));
  }
}

/** Where a test draws all parameters itself. */
export const NO_VALUES: Initializer = { normal: (count) => new Float32Array(count) };

/** A layer with memory for its parameters, as a network gives it. */
export function declared<Built>(backend: Backend, build: (declarations: Declarations) => Built): Built {
  const declarations = new Declarations(NO_VALUES);
  const built = build(declarations);
  declarations.allocate(backend);
  return built;
}
