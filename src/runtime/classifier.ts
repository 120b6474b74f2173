/// <reference lib="esnext.disposable" preserve="true" />
/** A model in use: images in, labels with scores out. What an image is, and how one is decoded, is the program's around it. */
import type { InferenceBackend } from "../backend/device.js";
import { UserError } from "../errors.js";
import type { Tensor, TypedArray } from "../tensor.js";
import type { Model } from "./model.js";
import { RuntimeNetwork } from "./network.js";

export interface Prediction {
  readonly label: string;
  /** Softmax probability, 0 to 1. */
  readonly score: number;
}

export interface ClassifyOptions {
  /** Labels to name, best first; default 5. */
  readonly top?: number;
}

/** What is known of a loaded model. */
export interface ModelFacts {
  readonly network: Model["network"];
  readonly classes: readonly string[];
  /** Side of the input in pixels. */
  readonly size: number;
  /** What runs it, such as "wasm, relaxed SIMD, 1 thread". */
  readonly backend: string;
}

/**
 * A loaded model: called with an image it gives the most likely labels, called with an array of images a list for each.
 * Calls do not disturb each other. `dispose` (or `using`) frees its memory and ends its threads.
 */
export interface Classify<Image> extends Disposable {
  (image: Image, options?: ClassifyOptions): Promise<readonly Prediction[]>;
  (images: readonly Image[], options?: ClassifyOptions): Promise<readonly (readonly Prediction[])[]>;
  /** The vector before the classifier: what the network knows of an image, for a search by likeness or a classifier of one's own. */
  features(image: Image): Promise<Float32Array>;
  readonly facts: ModelFacts;
  dispose(): void;
}

/** Decodes an image to [size, size, 3] RGB bytes; throws where it is none. */
export type Decoder<Image> = (image: Image, size: number) => Uint8Array | Promise<Uint8Array>;

const TOP = 5;

/** Plans the network's memory on `backend`, which is the classifier's own from here on. */
export function createClassifier<Image>(model: Model, backend: InferenceBackend, decode: Decoder<Image>): Classify<Image> {
  const { size, classes, operations } = model;
  const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, 1);
  const input = new Float32Array(size * size * 3);
  const table = normalizationTable(model);

  /** Runs the network and copies `value` out. Nothing may come between the two: from the decoded pixels on, this does not wait. */
  async function evaluate(image: Image, value: Tensor): Promise<TypedArray> {
    const pixels = await decode(image, size);
    for (let i = 0; i < input.length; i++) input[i] = table[(i % 3) * 256 + pixels[i]];
    backend.write(network.input, input);
    network.run();
    const values = await backend.read(value);
    requireFinite(values);
    return values;
  }

  const best = async (image: Image, top: number): Promise<readonly Prediction[]> =>
    bestOf(await evaluate(image, network.output), classes, top);

  async function classify(
    given: Image | readonly Image[],
    { top = TOP }: ClassifyOptions = {},
  ): Promise<readonly Prediction[] | readonly (readonly Prediction[])[]> {
    if (!Array.isArray(given)) return best(given as Image, top);
    const found: (readonly Prediction[])[] = [];
    for (const image of given as readonly Image[]) found.push(await best(image, top));
    return found;
  }

  const dispose = (): void => backend[Symbol.dispose]();
  return Object.assign(classify, {
    features: async (image: Image): Promise<Float32Array> => Float32Array.from(await evaluate(image, network.features)),
    facts: { network: model.network, classes, size, backend: backend.description },
    dispose,
    [Symbol.dispose]: dispose,
  }) as Classify<Image>;
}

/** [3, 256]: what each byte of a channel is to the network. */
function normalizationTable({ mean, standardDeviation }: Model): Float32Array {
  return Float32Array.from({ length: 768 }, (_, i) => {
    const channel = Math.floor(i / 256) as 0 | 1 | 2;
    return ((i % 256) / 255 - mean[channel]) / standardDeviation[channel];
  });
}

/**
 * @throws UserError where one is not finite: weights near the largest number, as a damaged file may have them, pass every check
 * of their own
 */
export function requireFinite(values: TypedArray): void {
  if (!values.every(Number.isFinite))
    throw new UserError("the model's numbers grow beyond what float32 holds; it is damaged or badly trained: get a fresh copy");
}

/** Softmax of the logits; the `top` largest, best first. */
export function bestOf(logits: ArrayLike<number>, classes: readonly string[], top: number): readonly Prediction[] {
  const values = Array.from(logits);
  const highest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const exponentials = values.map((logit) => Math.exp(logit - highest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  const scored = exponentials.map((value, i) => ({ label: classes[i] as string, score: value / total }));
  return scored.sort((a, b) => b.score - a.score).slice(0, top);
}
