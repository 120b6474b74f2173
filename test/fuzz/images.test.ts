/** An image is data from strangers too: a damaged one is refused in a sentence or answered, by `predict` and by the server alike. */
import type { Hono } from "hono";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { UserError } from "#rbnet/errors";
import { createApp, type ServedModel } from "#rbnet/serve/app";
import { served } from "../serve/served.js";
import { attempts, bendBytes, pick } from "./bend.js";

const SEED = 22;
const FORMATS = ["png", "jpeg", "webp", "gif", "avif", "tiff"] as const;
/** A damaged header may promise 64 megapixels, and nearly as many may have to be decoded before the end is found to be missing. */
const LONGEST_MS = 10_000;
const MOST_BYTES = 1_200e6;

let model: ServedModel;
let app: Hono;
let pictures: readonly Buffer[];

beforeAll(async () => {
  model = await served();
  app = createApp(model);
  const random = new Random(3);
  const raw = { width: 24, height: 18, channels: 4 } as const;
  const data = Uint8Array.from({ length: raw.width * raw.height * raw.channels }, () => random.integer(256));
  pictures = await Promise.all(FORMATS.map((format) => sharp(data, { raw }).toFormat(format).toBuffer()));
});
afterAll(() => model.classify.dispose());

async function predicts(image: Uint8Array): Promise<boolean> {
  try {
    const [best] = await model.classify(image);
    expect(best!.score).toBeGreaterThan(0);
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.message).toMatch(/^[^\n]{10,500}$/);
    return false;
  }
}

async function answers(image: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const response = await app.request("http://localhost/classify", { method: "POST", body: image });
  const answer = (await response.json()) as { predictions?: unknown[]; error?: string };
  if (response.status === 200) return (answer.predictions?.length ?? 0) > 0;
  expect({ status: response.status, error: answer.error }).toEqual({ status: 400, error: expect.any(String) });
  return false;
}

describe("a damaged image", () => {
  it(
    "is refused in a sentence or answered, the same by predict and by the server",
    async () => {
      const count = attempts(400);
      const before = process.memoryUsage().rss;
      let accepted = 0;
      for (let attempt = 0; attempt < count; attempt++) {
        const random = new Random(SEED, attempt);
        const image = bendBytes(pick(random, pictures), random);
        const start = performance.now();
        try {
          const taken = await predicts(image);
          expect(await answers(image)).toBe(taken);
          if (taken) accepted++;
          expect(performance.now() - start).toBeLessThan(LONGEST_MS);
        } catch (error) {
          throw new Error(`damage ${attempt} of seed ${SEED}: ${error}`, { cause: error });
        }
      }
      expect(accepted).toBeGreaterThan(count / 50);
      expect(accepted).toBeLessThan(count);
      expect(process.memoryUsage().rss - before).toBeLessThan(MOST_BYTES);
    },
    attempts(400) * 100,
  );
});
