/** A model file in use: images in, labels with scores out. Images are decoded and cropped exactly as validation does it. */

import type { Backend } from "../backend/kernels.js";
import { type BackendName, openBackend } from "../backend/open.js";
import { decodeImage } from "../data/image-file.js";
import type { Model } from "../runtime/model.js";
import { RuntimeNetwork } from "../runtime/network.js";
import { readModelFile } from "./model-file.js";

export interface Prediction {
  readonly label: string;
  /** Softmax probability, 0 to 1. */
  readonly score: number;
}

export interface ClassifierOptions {
  /** Default 1: one image hardly keeps more busy. */
  readonly threads?: number;
  /** Default `auto`: native kernels where they are there, else WebAssembly. */
  readonly backend?: BackendName;
}

export class Classifier implements Disposable {
  private constructor(
    readonly model: Model,
    private readonly backend: Backend,
    private readonly network: RuntimeNetwork,
  ) {}

  /** @throws UserError where the file cannot be read or is not a model */
  static async load(path: string, { threads = 1, backend: name = "auto" }: ClassifierOptions = {}): Promise<Classifier> {
    const model = await readModelFile(path);
    const backend = await openBackend({ threads, name });
    const { size, operations } = model;
    try {
      const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, 1);
      return new Classifier(model, backend, network);
    } catch (error) {
      backend[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * The `top` most likely labels, best first.
   *
   * @param image a path or the bytes of an image file
   * @throws UserError where the image cannot be read or decoded
   */
  async classify(image: string | Uint8Array, top = 5): Promise<readonly Prediction[]> {
    const { model, backend, network } = this;
    const pixels = await decodeImage(image, model.size);
    const values = Float32Array.from(
      pixels,
      (value, i) => (value / 255 - (model.mean[i % 3] as number)) / (model.deviation[i % 3] as number),
    );
    backend.write(network.input, values);
    network.run();
    const logits = (await backend.read(network.output)) as Float32Array;
    const highest = Math.max(...logits);
    const exponentials = Array.from(logits, (logit) => Math.exp(logit - highest));
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    const scored = exponentials.map((value, i) => ({ label: model.classes[i] as string, score: value / total }));
    return scored.sort((a, b) => b.score - a.score).slice(0, top);
  }

  [Symbol.dispose](): void {
    this.backend[Symbol.dispose]();
  }
}
