/** The images of a batch in a device's memory: written as they are, or as bytes that the device makes them of. */
import type { Backend } from "../backend/device.js";
import type { ImageTerms } from "../backend/terms.js";
import { type RawForm, type RawImages, rawBytes } from "../data/augmentation/raw-images.js";
import type { BatchImages } from "../data/loading/batch-source.js";
import { DRAWN_NUMBERS, normalizedBytes } from "../pixels/draws.js";
import type { Tensor } from "../tensor.js";
import { CropMemory } from "./crop-memory.js";

/** Where raw images of a batch are written before they are finished. */
interface RawMemory {
  readonly bytes: Tensor<"uint32">;
  /** Where these are made of crops that are to be scaled. */
  readonly crops: CropMemory | undefined;
  readonly draws: Tensor;
  readonly terms: ImageTerms;
}

export class ImageInput {
  private readonly raw: RawMemory | undefined;

  /**
   * Allocates what raw images need.
   *
   * @param tensor [batch, size, size, 3]
   * @param form of raw images, where they come so; for backends that have augmentImages
   */
  constructor(
    private readonly backend: Backend,
    readonly tensor: Tensor,
    form?: RawForm,
  ) {
    this.raw = form && rawMemory(backend, tensor, form);
  }

  /** Of as many images as there are: the tensor's first. */
  write(images: BatchImages): void {
    const { backend, tensor } = this;
    const [, ...image] = tensor.shape as readonly [number, ...number[]];
    const floats = image.reduce((product, side) => product * side, 1);
    if (images instanceof Float32Array) backend.write(backend.view(tensor, [images.length / floats, ...image]), images);
    else this.writeRaw(images, backend.view(tensor, [images.draws.length / DRAWN_NUMBERS, ...image]));
  }

  /** Makes the call that finishes raw images. */
  rehearse(): void {
    const { backend, raw, tensor } = this;
    if (raw === undefined) return;
    raw.crops?.rehearse();
    backend.augmentImages?.(raw.bytes, raw.draws, raw.terms, tensor);
  }

  private writeRaw({ bytes, draws, crops }: RawImages, out: Tensor): void {
    const { backend, raw } = this;
    if (raw === undefined || backend.augmentImages === undefined)
      throw new Error("raw images came where finished ones were expected");
    const table = backend.view(raw.draws, [draws.length]);
    if (crops !== undefined) raw.crops?.write(bytes, crops);
    else {
      const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      backend.write(backend.view(raw.bytes, [words.length]), words);
    }
    backend.write(table, draws);
    backend.augmentImages(raw.bytes, table, raw.terms, out);
  }
}

function rawMemory(backend: Backend, { shape: [batch = 0] }: Tensor, form: RawForm): RawMemory {
  const { side, mean, standardDeviation, recolours, cropRoom } = form;
  const values = normalizedBytes(mean, standardDeviation);
  const table = backend.allocate("float32", [values.length]);
  backend.write(table, values);
  const crops = cropRoom && new CropMemory(backend, batch, side, cropRoom);
  return {
    bytes: crops?.pixels ?? backend.allocate("uint32", [rawBytes(batch, side) / 4]),
    crops,
    draws: backend.allocate("float32", [batch * DRAWN_NUMBERS]),
    terms: { side, pixelBytes: crops === undefined ? 3 : 4, table, mean, standardDeviation, recolours },
  };
}
