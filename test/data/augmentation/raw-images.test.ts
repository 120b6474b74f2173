/** Images that travel as bytes: what a GPU makes of them is what the host makes of them, for every augmentation. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createWebgpuBackend } from "#rbnet/backend/webgpu/backend";
import type { Augmentation } from "#rbnet/data/augmentation/augmentation";
import type { ImageSet } from "#rbnet/data/dataset";
import { Loader, type LoaderOptions } from "#rbnet/data/loading/loader";
import { fileSet } from "#rbnet/data/sets/image-set";
import { shapes } from "#rbnet/data/shapes/shapes";
import { ImageInput } from "#rbnet/deploy/image-input";
import { CROP } from "#rbnet/pixels/crops";
import { DRAWN_NUMBERS } from "#rbnet/pixels/draws";
import { PIXEL_LIMIT } from "#rbnet/pixels/square";
import { findGpu } from "../../backend/webgpu/software-gpu.js";
import { classFolder } from "../picture-folders.js";

/** A kernel takes a software GPU seconds to compile on a busy machine. */
const TIMEOUT = 240_000;
const BATCH = 8;
/** Odd, so that a batch's bytes do not fill their last word. */
const SIZE = 13;
const data = shapes({ size: SIZE, train: 21, validation: 0, test: 0 });

/** The smallest standard deviation is about 0.2, so that 1e-5 of a normalized value is a two-thousandth of a step of a byte. */
const ROUNDING = 1e-5;

/** Scaling in memory is in whole numbers on a GPU, and in floats on the host: a level of brightness of 255, at a deviation of 0.2. */
const LEVEL = 1 / 255 / 0.19;

const colorJitter = { brightness: 0.4, contrast: 0.4, saturation: 0.4 };
const crop = { kind: "pad", padding: 3 } as const;
const scaled = { kind: "resized", scale: [0.2, 1], ratio: [0.75, 1.33] } as const;
/** What each does, and how far the GPU's values may be from the host's: by nothing where it has no sums to round. */
const AUGMENTATIONS: Readonly<Record<string, readonly [Augmentation, number]>> = {
  nothing: [{}, 0],
  "crop and flip": [{ crop, flip: true }, 0],
  "resized crop": [{ crop: scaled, flip: true, lighting: 0.1, cutout: 4 }, LEVEL],
  cutout: [{ cutout: 7 }, 0],
  "colour jitter": [{ crop, colorJitter }, ROUNDING],
  lighting: [{ lighting: 0.3 }, 0],
  mixup: [{ mixup: 0.4 }, ROUNDING],
  "all together": [{ crop, flip: true, colorJitter, lighting: 0.1, cutout: 5, mixup: 1 }, ROUNDING],
};

function optionsFor(augmentation: Augmentation | undefined, size: number): LoaderOptions {
  const { mean, standardDeviation } = data;
  return { batch: BATCH, size, mean, standardDeviation, augmentation, seed: 3, shuffle: true, dropLast: false };
}

const gpu = await findGpu();
if ("absent" in gpu) it.skip(`raw images: ${gpu.absent}`, () => undefined);
else {
  describe("raw images, finished on a GPU", () => {
    const alone = createWebgpuBackend(gpu);
    const together = createWebgpuBackend(Object.assign(Object.create(gpu), { isTogether: true, close: () => undefined }));
    afterAll(() => {
      together[Symbol.dispose]();
      alone[Symbol.dispose]();
    });

    /** The largest distance between the host's images and the GPU's of an epoch; labels and mixing weights are the very same. */
    async function distance(
      set: ImageSet,
      augmentation: Augmentation | undefined,
      size = SIZE,
      backend = alone,
    ): Promise<number> {
      const options = optionsFor(augmentation, size);
      await using finished = new Loader(set, options);
      await using raw = Loader.raw(set, options);
      const mark = backend.mark();
      const input = new ImageInput(backend, backend.allocate("float32", [BATCH, size, size, 3]), raw.rawForm);
      const others = raw.epoch(2);
      let most = 0;
      for await (const batch of finished.epoch(2)) {
        const { value: other } = await others.next();
        if (other === undefined) throw new Error("there are fewer raw batches");
        for (const part of ["labels", "mixLabels", "mixWeight", "indices"] as const) expect(other[part]).toEqual(batch[part]);
        expect(other.images.draws.length).toBe(batch.count * DRAWN_NUMBERS);
        input.write(other.images);
        const made = (await backend.read(input.tensor)).subarray(0, batch.images.length);
        most = made.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (batch.images[i] as number))), most);
        expect(Number.isFinite(most)).toBe(true);
        batch.release();
        other.release();
      }
      backend.release(mark);
      return most;
    }

    for (const [name, [augmentation, apart]] of Object.entries(AUGMENTATIONS)) {
      it(
        `are the host's with ${name}`,
        async () => {
          for (const backend of [alone, together])
            expect(await distance(data.train, augmentation, SIZE, backend)).toBeLessThanOrEqual(apart);
        },
        TIMEOUT,
      );
    }

    it(
      "are the host's from files, as they are evaluated and cropped",
      async () => {
        const root = await classFolder(["one", "two"], 8, 90);
        const paths = ["one", "two"].flatMap((name) =>
          Array.from({ length: 8 }, (_, image) => join(root, name, `00${image}.png`)),
        );
        const train = fileSet(paths, new Uint16Array(16), PIXEL_LIMIT);
        // Of the first there are no sums; of the second, scaling is the decoder's to the byte, and mixing and colours round.
        const cropped = { crop: { ...scaled, scale: [0.05, 1] }, flip: true, cutout: 20 } as const;
        expect(await distance(train, undefined, 64)).toBe(0);
        expect(await distance(train, cropped, 64)).toBe(0);
        expect(await distance(train, { ...cropped, colorJitter, mixup: 0.5 }, 64)).toBeLessThanOrEqual(ROUNDING);
      },
      TIMEOUT,
    );

    it("that are to be scaled leave the host unscaled, and the same ones for any number of workers", async () => {
      const wanted = optionsFor({ crop: scaled }, SIZE);
      const read = async (workers: number) => {
        await using loader = Loader.raw(data.train, { ...wanted, workers });
        const crops: string[] = [];
        const pieces = new Set<string>();
        for await (const { images, count, release } of loader.epoch(1)) {
          const words = new Uint32Array(images.bytes.buffer, images.bytes.byteOffset, images.bytes.byteLength / 4);
          for (let image = 0; image < count; image++) {
            const [start = 0, length = 0] = images.crops?.subarray(2 * image) ?? [];
            const crop = words.slice(start, start + length);
            const [width = 0, height = 0] = crop;
            const pixels = 4 * (crop[CROP.pixels] ?? 0);
            // What fills the last word is of nobody.
            crops.push(
              createHash("sha256")
                .update(new Uint8Array(crop.buffer, 0, pixels + width * height * 3))
                .digest("hex"),
            );
            pieces.add(`${width} x ${height}`);
          }
          release();
        }
        // Some need all of the image, most a part of it.
        expect(pieces.size).toBeGreaterThan(9);
        return crops;
      };
      const crops = await read(1);
      expect(new Set(crops).size).toBe(21);
      expect(await read(3)).toEqual(crops);
    });

    it("travel in a quarter of the bytes, and the same ones every time", async () => {
      const digests = [];
      for (let turn = 0; turn < 2; turn++) {
        const hash = createHash("sha256");
        await using loader = Loader.raw(data.train, {
          ...optionsFor(AUGMENTATIONS["all together"]?.[0], SIZE),
          workers: 1 + turn,
        });
        for await (const { images, count, release } of loader.epoch(1)) {
          expect(images.bytes.byteLength).toBe(4 * Math.ceil((count * SIZE * SIZE * 3) / 4));
          hash.update(images.bytes.subarray(0, count * SIZE * SIZE * 3)).update(images.draws.slice());
          release();
        }
        digests.push(hash.digest("hex"));
      }
      expect(digests[1]).toBe(digests[0]);
    });
  });
}
