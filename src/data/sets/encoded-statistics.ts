/**
 * Mean and deviation of any set: of decoded images exactly; encoded ones are sampled, for decoding all of them would take as long
 * as an epoch.
 */
import type { EncodedSource, ImageSet } from "../dataset.js";
import { decodeImage } from "../decoding/image-file.js";
import { Random } from "../random.js";
import { openEncoded } from "./open-encoded.js";
import { ChannelSums, memoryStatistics, type Statistics } from "./statistics.js";

/** Keeps the sample's draws apart from all other uses of the same seed. */
const SAMPLE_STREAM = 0x73746174;
/** Images decoded for the statistics, at most: enough for three digits. */
const SAMPLE_SIZE = 2000;
const IN_FLIGHT = 8;

/** Of decoded images exactly, of others by a sample. */
export async function statisticsOf({ source, count }: ImageSet, size: number, seed: number): Promise<Statistics> {
  return source.kind === "memory" ? memoryStatistics(source) : encodedStatistics(source, count, size, seed);
}

/** Of a seeded sample of at most 2,000 images, decoded as for evaluation; unreadable ones are left out. */
async function encodedStatistics(source: EncodedSource, count: number, size: number, seed: number): Promise<Statistics> {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  new Random(seed, SAMPLE_STREAM).shuffle(order);
  // In the order in which they lie, which a disk likes better; sums do not mind.
  const sample = order.subarray(0, SAMPLE_SIZE).sort();
  const sums = new ChannelSums();
  await using images = openEncoded(source);
  let next = 0;
  const decodeSome = async (): Promise<void> => {
    while (next < sample.length) {
      const index = sample[next++];
      const pixels = await images
        .read(index)
        .then((image) => decodeImage(image, size, source))
        .catch(() => undefined);
      if (pixels !== undefined) sums.add(pixels);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, decodeSome));
  return sums.statistics();
}
