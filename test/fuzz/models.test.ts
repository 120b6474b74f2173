/**
 * A model file is data from strangers: a damaged one is refused in a sentence or gives finite scores all the same, within a
 * second and without taking memory that it does not need. Never anything else.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { UserError } from "#rbnet/errors";
import { createClassifier } from "#rbnet/runtime/classifier";
import { decodeModel, encodeModel, type Model } from "#rbnet/runtime/model";
import { SIZE, smallModel } from "../runtime/small-model.js";
import { attempts, bendBytes, bendJson, type Place, pick } from "./bend.js";

const SEED = 21;
/** A neighbour on the machine may hold a single file up; none may hang. */
const LONGEST_MS = 1_000;
const MOST_BYTES = 600e6;

let backend: Backend;
let bytes: Uint8Array;

beforeAll(async () => {
  backend = await createWasmBackend({ threads: 1 });
  bytes = encodeModel(await smallModel(backend, { pooled: true }));
});

const headerLength = (file: Uint8Array): number => Number(new DataView(file.buffer).getBigUint64(0, true));

/** The file with another JSON header over the same data. */
function withHeader(file: Uint8Array, change: (header: Place) => void): Uint8Array {
  const length = headerLength(file);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Place;
  change(header);
  const json = new TextEncoder().encode(JSON.stringify(header));
  const changed = new Uint8Array(8 + json.length + file.length - 8 - length);
  new DataView(changed.buffer).setBigUint64(0, BigInt(json.length), true);
  changed.set(json, 8);
  changed.set(file.subarray(8 + length), 8 + json.length);
  return changed;
}

function withDescription(file: Uint8Array, change: (description: Place) => void): Uint8Array {
  return withHeader(file, (header) => {
    const metadata = header.__metadata__ as Record<string, string>;
    const description = JSON.parse(metadata.model!) as Place;
    change(description);
    metadata.model = JSON.stringify(description);
  });
}

/** Weights of any bits: huge ones among them, and such as are no numbers. */
function withData(file: Uint8Array, random: Random): Uint8Array {
  const changed = Uint8Array.from(file);
  const first = 8 + headerLength(file);
  for (let change = random.integer(8); change >= 0; change--)
    changed[first + random.integer(file.length - first)] = pick(random, [0, 127, 128, 255, random.integer(256)]);
  return changed;
}

const DAMAGES: readonly ((random: Random) => Uint8Array)[] = [
  (random) => bendBytes(bytes, random),
  (random) => withData(bytes, random),
  (random) => {
    const changed = Uint8Array.from(bytes);
    const length = pick(random, [0n, 1n, 2n ** 32n, 2n ** 63n, BigInt(random.integer(2 * bytes.length)), 2n ** 64n - 1n]);
    new DataView(changed.buffer).setBigUint64(0, length, true);
    return changed;
  },
  (random) => withHeader(bytes, (header) => repeatedly(random, () => bendJson(header, random))),
  (random) => withDescription(bytes, (description) => repeatedly(random, () => bendJson(description, random))),
  (random) =>
    withDescription(bytes, ({ operations }) => repeatedly(random, () => bendJson(pick(random, operations as Place[]), random))),
];

function repeatedly(random: Random, change: () => void): void {
  for (let left = random.integer(3); left >= 0; left--) change();
}

/** Whether the file was accepted; throws where it was neither that nor refused. */
async function answers(file: Uint8Array): Promise<boolean> {
  let model: Model;
  const mark = backend.mark();
  try {
    model = decodeModel(file, "it");
    const pixels = Uint8Array.from({ length: model.size ** 2 * 3 }, (_, i) => (i * 7919) % 256);
    const classify = createClassifier(model, backend, () => pixels);
    const predictions = await classify("picture", { top: model.classes.length });
    for (const { score } of predictions) if (!(score >= 0 && score <= 1)) throw new Error(`the score ${score}`);
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.message).toMatch(/^[^\n]{10,500}$/);
    return false;
  } finally {
    backend.release(mark);
  }
}

describe("a damaged model file", () => {
  it(
    "is refused in a sentence, or answers with finite scores, in time and within bounds",
    async () => {
      const count = attempts(3_000);
      const before = process.memoryUsage().rss;
      let accepted = 0;
      for (let attempt = 0; attempt < count; attempt++) {
        const random = new Random(SEED, attempt);
        const file = pick(random, DAMAGES)(random);
        const start = performance.now();
        const taken = await answers(file).catch((error: unknown) => {
          throw new Error(`damage ${attempt} of seed ${SEED}: ${error}`, { cause: error });
        });
        const time = performance.now() - start;
        if (time > LONGEST_MS) throw new Error(`damage ${attempt} of seed ${SEED} took ${time.toFixed(0)} ms`);
        if (taken) accepted++;
      }
      expect(accepted).toBeGreaterThan(count / 50);
      expect(accepted).toBeLessThan(count / 2);
      expect(process.memoryUsage().rss - before).toBeLessThan(MOST_BYTES);
      expect(await answers(bytes)).toBe(true);
      expect(decodeModel(bytes, "it").size).toBe(SIZE);
    },
    attempts(3_000) * 20,
  );
});
