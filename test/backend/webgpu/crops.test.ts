/** Crops that a GPU scales: the reference's bytes, at every awkward size, alone and several in a call. */
import { afterAll, describe, expect, it } from "vitest";
import { scaleCrop } from "#rbnet/backend/reference/crops";
import { createWebgpuBackend } from "#rbnet/backend/webgpu/backend";
import { Random } from "#rbnet/data/random";
import { CropMemory } from "#rbnet/deploy/crop-memory";
import { planSquareCrop, wordsBetween } from "#rbnet/pixels/crops";
import { AWKWARD_CROPS, awkwardWords, cropWords, pieceOf, roughPixels } from "../../pixels/awkward-crops.js";
import { findGpu } from "./software-gpu.js";

/** A kernel takes a software GPU seconds to compile on a busy machine. */
const TIMEOUT = 240_000;

/** Of [count, size, size] words, their first three bytes. */
function coloursOf(words: Uint32Array): Uint8Array {
  return Uint8Array.from({ length: 3 * words.length }, (_, i) => (words[Math.floor(i / 3)] as number) >> (8 * (i % 3)));
}

const gpu = await findGpu();
if ("absent" in gpu) it.skip(`scaled crops: ${gpu.absent}`, () => undefined);
else {
  describe("crops scaled on a GPU", () => {
    const backend = createWebgpuBackend(gpu);
    afterAll(() => backend[Symbol.dispose]());

    it(
      "are the reference's, at sizes of every kind",
      async () => {
        for (const crop of AWKWARD_CROPS) {
          const size = crop[6];
          const words = awkwardWords(crop);
          const mark = backend.mark();
          const carried = backend.allocate("uint32", [words.length + 1]);
          backend.write(carried, Uint32Array.of(1, ...words));
          const out = backend.allocate("uint32", [1, size, size]);
          const betweenNow = wordsBetween(words, 0);
          backend.scaleCrops?.(carried, { between: betweenNow, betweenNow }, out);
          expect(Buffer.from(coloursOf(await backend.read(out))).equals(scaleCrop(words, 0, size)), `${crop}`).toBe(true);
          backend.release(mark);
        }
      },
      TIMEOUT,
    );

    it(
      "of a batch come in parts, from wherever they lie, in memory that does not grow",
      async () => {
        const [batch, side, size] = [18, 23, 12];
        const random = new Random(4);
        const room = { bytes: 12_000, between: side * size };
        const mark = backend.mark();
        const memory = new CropMemory(backend, batch, size, room);
        const bytes = new Uint8Array(batch * room.bytes);
        const words = new Uint32Array(bytes.buffer);
        let objects = backend.objects;
        for (let round = 0; round < 3; round++) {
          const places = new Uint32Array(2 * batch);
          const expected: Uint8Array[] = [];
          let at = 7;
          // The last image lies first.
          for (let image = batch - 1; image >= 0; image--) {
            const [width, height] = [2 + 21 * random.uniform(), 2 + 21 * random.uniform()];
            const region = { width, height, left: (side - width) * random.uniform(), top: (side - height) * random.uniform() };
            const plan = planSquareCrop(side, region, size);
            const crop = cropWords(plan, pieceOf(roughPixels(side, side + image).subarray(3 * side * image), side, plan.piece));
            places.set([at, crop.length], 2 * image);
            words.set(crop, at);
            at += crop.length;
            expected[image] = scaleCrop(crop, 0, size);
          }
          memory.write(bytes, places);
          const made = coloursOf(await backend.read(memory.pixels));
          for (const [image, crop] of expected.entries())
            expect(Buffer.from(made.subarray(image * crop.length, (image + 1) * crop.length)).equals(crop), `${image}`).toBe(
              true,
            );
          if (round > 0) expect(backend.objects).toEqual(objects);
          objects = backend.objects;
        }
        backend.release(mark);
      },
      TIMEOUT,
    );
  });
}
