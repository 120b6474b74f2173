/** The sizes of the images as they are stored, and the network's input that suits them. */
import type { ImageSizes } from "../dataset.js";
import type { ImageShape } from "./image-file.js";

/** Looked at, spread over all images: headers alone, which takes a tenth of a second. */
const LOOKS = 500;
const IN_FLIGHT = 16;
/** The side of the input for images whose shorter side is at least so long in the median: none is enlarged by more than half. */
const USUAL: readonly (readonly [number, number])[] = [
  [160, 224],
  [96, 128],
  [49, 64],
];
const SMALLEST = 32;

/** Looks at the headers of some images; one that cannot be read says nothing. */
export async function imageSizes(
  count: number,
  shapeOf: (index: number) => Promise<ImageShape>,
): Promise<ImageSizes | undefined> {
  const looks = Math.min(count, LOOKS);
  const shapes: (readonly [number, number])[] = [];
  let next = 0;
  const lookAtSome = async (): Promise<void> => {
    while (next < looks) {
      const index = Math.floor((next++ * count) / looks);
      const shape = await shapeOf(index).catch(() => undefined);
      if (shape !== undefined) shapes.push([shape.width, shape.height]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, looks) }, lookAtSome));
  shapes.sort((a, b) => Math.min(...a) - Math.min(...b) || Math.max(...a) - Math.max(...b));
  const [smallest] = shapes;
  if (smallest === undefined) return undefined;
  return { smallest, median: shapes[shapes.length >> 1], largest: shapes[shapes.length - 1], images: shapes.length };
}

/** Side of the input for images of such sizes. */
export function usualSize(sizes: ImageSizes | undefined): number {
  const side = sizes === undefined ? Number.POSITIVE_INFINITY : Math.min(...sizes.median);
  return USUAL.find(([least]) => side >= least)?.[1] ?? SMALLEST;
}
