/** Images of a set as small files that a page can hold. */
import type { ImageSet } from "../data/dataset.js";
import { decodeSquare } from "../data/decoding/image-file.js";
import { loadSharp } from "../data/decoding/sharp.js";
import { openEncoded } from "../data/sets/open-encoded.js";

/** Side of a picture decoded from a file or shard; images in memory keep theirs. */
const SIDE = 160;

/** Image `index` of a set as PNG (from memory, so that every pixel stays as it is) or JPEG (from a file). */
export async function encodePicture(
  set: ImageSet,
  index: number,
): Promise<{ readonly type: "png" | "jpeg"; readonly bytes: Buffer }> {
  const { source } = set;
  if (source.kind === "memory") {
    const { side, pixels } = source;
    const start = (source.rows[index] ?? 0) * side * side * 3;
    // sharp takes no view of shared memory, hence the copy.
    const raw = { width: side, height: side, channels: 3 } as const;
    const image = loadSharp()(Uint8Array.from(pixels.subarray(start, start + side * side * 3)), { raw });
    return { type: "png", bytes: await image.png().toBuffer() };
  }
  if (index >= set.count) throw new Error(`the set has no image ${index}`);
  await using images = openEncoded(source);
  const pixels = await decodeSquare(await images.read(index), SIDE, { pixelLimit: source.pixelLimit });
  return {
    type: "jpeg",
    bytes: await loadSharp()(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .jpeg({ quality: 80 })
      .toBuffer(),
  };
}

/** Data URLs of some images; undefined for one that cannot be decoded any more, such as a file deleted during the run. */
export async function pictureUrls(set: ImageSet, indices: readonly number[]): Promise<readonly (string | undefined)[]> {
  return Promise.all(
    indices.map(async (index) => {
      try {
        const { type, bytes } = await encodePicture(set, index);
        return `data:image/${type};base64,${bytes.toString("base64")}`;
      } catch {
        return undefined;
      }
    }),
  );
}
