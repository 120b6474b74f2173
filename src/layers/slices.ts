/** The float32 columns of a convolution [M, K] are many times its map: they exist for some images at a time, slice after slice of the batch. */
import type { Backend } from "../backend/device.js";
import type { Window } from "../backend/kernels.js";
import { geometryOf, type MapShape, tapCount, type Windows, windowMap } from "../runtime/windows.js";
import { type ElementType, elementCount, type Tensor, windowCount } from "../tensor.js";

/** Images in a slice: few enough to stay in the cache, enough to share among threads, */
const SLICE = 16;
/** and no more than 32 MB of columns where the maps are large. */
const SLICE_ELEMENTS = 1 << 23;

export class Slices {
  /** Of one slice. */
  readonly window: Window;
  readonly columns: Tensor;
  private readonly count: number;

  /** `images` are the batch's. */
  constructor(
    private readonly backend: Backend,
    windows: Windows,
    input: MapShape,
    images: number,
  ) {
    const inputs = tapCount(windows) * input.channels;
    const { height, width } = windowMap(windows, input, 1);
    const size = sliceOf(images, height * width * inputs);
    const geometry = geometryOf(windows, size, input);
    this.count = images / size;
    this.window = backend.window(geometry);
    this.columns = backend.allocate("float32", [windowCount(geometry), inputs]);
  }

  /** Calls `use` for each slice, with what gives the slice's part of a map or matrix of the whole batch. */
  each(use: (part: <T extends ElementType>(whole: Tensor<T>) => Tensor<T>) => void): void {
    const { backend, count } = this;
    for (let index = 0; index < count; index++) {
      use((whole) => {
        const [rows = 0, ...rest] = whole.shape;
        const shape = [rows / count, ...rest];
        return backend.view(whole, shape, index * elementCount(shape));
      });
    }
  }
}

/** Largest divisor of `images` that keeps to both limits; `elements`: of an image's columns. */
function sliceOf(images: number, elements: number): number {
  let size = Math.max(1, Math.min(SLICE, images, Math.floor(SLICE_ELEMENTS / elements)));
  while (images % size !== 0) size--;
  return size;
}
