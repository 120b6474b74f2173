/** The input size for images of which nothing else is known. */

/** Looked at, spread over all images. */
const LOOKS = 32;

/** 32 where most images are tiny, 224 elsewhere, judged by the headers of some; one that cannot be read says nothing. */
export async function usualSize(
  count: number,
  shapeOf: (index: number) => Promise<{ readonly width: number; readonly height: number }>,
): Promise<number> {
  const step = Math.max(1, Math.floor(count / LOOKS));
  const sides: number[] = [];
  for (let index = 0; index < count; index += step) {
    const shape = await shapeOf(index).catch(() => undefined);
    if (shape !== undefined) sides.push(Math.min(shape.width, shape.height));
  }
  sides.sort((a, b) => a - b);
  const median = sides[sides.length >> 1] ?? 224;
  return median <= 48 ? 32 : 224;
}
