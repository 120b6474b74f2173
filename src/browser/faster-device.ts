/** Which of two devices answers sooner: the same model on each, tried on an image of zeros. */
import type { Classify } from "../runtime/classifier.js";
import type { BrowserImage } from "./decode-image.js";

/** After a first run, which compiles. */
const RUNS = 5;

/** Milliseconds of an image at best; endless where the device fails. */
async function latencyOf(classify: Classify<BrowserImage>): Promise<number> {
  const { size } = classify.facts;
  const image = { data: new Uint8Array(size * size * 3), width: size, height: size };
  let shortest = Number.POSITIVE_INFINITY;
  try {
    await classify(image);
    for (let run = 0; run < RUNS; run++) {
      const start = performance.now();
      await classify(image);
      shortest = Math.min(shortest, performance.now() - start);
    }
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  return shortest;
}

/** The one that is kept; the other is disposed of. */
export async function fasterOf(usual: Classify<BrowserImage>, other: Classify<BrowserImage>): Promise<Classify<BrowserImage>> {
  const usualMs = await latencyOf(usual);
  const [kept, given] = (await latencyOf(other)) < usualMs ? [other, usual] : [usual, other];
  given.dispose();
  return kept;
}
