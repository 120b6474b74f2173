/** Memory that layers use in turn gives the gradients that memory of their own gives, to the bit. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { rbnet20 } from "#rbnet/networks/rbnet";
import { real2binary20 } from "#rbnet/networks/real2binary";

const IMAGES = 3;

/** Gradients of all parameters after one step from seeded weights and images, and the memory that it took. */
async function gradientsOf(
  backend: Backend,
  description: NetworkDescription,
  bind: (network: Network) => void,
): Promise<{ gradients: Float32Array[]; bytes: number }> {
  const random = new Random(7);
  const normal = (count: number, standardDeviation: number): Float32Array =>
    Float32Array.from({ length: count }, () => standardDeviation * random.normal());
  const network = new Network(backend, description, { normal });
  bind(network);
  const x = backend.allocate("float32", [IMAGES, 32, 32, 3]);
  backend.write(x, normal(IMAGES * 32 * 32 * 3, 1));
  const gradient = backend.allocate("float32", [IMAGES, 1, 1, 10]);
  backend.write(gradient, normal(IMAGES * 10, 1));
  network.forward(x);
  network.backward(gradient);
  const gradients = await Promise.all(
    network.parameters.map(async ({ gradient: own }) => (await backend.read(own)) as Float32Array),
  );
  return { gradients, bytes: backend.memory.peakBytes };
}

/** Numbers of the parameters whose gradients differ: millions of values are no text to compare. */
function differing(some: readonly Float32Array[], others: readonly Float32Array[]): readonly number[] {
  return some.flatMap((values, index) => (Buffer.compare(bytesOf(values), bytesOf(others[index]!)) === 0 ? [] : [index]));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** The same step on memory that is shared and on memory of the layers' own, and the bytes that sharing saves. */
async function savedOf(description: NetworkDescription): Promise<number> {
  using sharing = await createWasmBackend({ threads: 2 });
  using keeping = await createWasmBackend({ threads: 2 });
  const shared = await gradientsOf(sharing, description, (network) => network.bind(IMAGES));
  const kept = await gradientsOf(keeping, description, (network) => {
    for (const layer of network.layers) layer.bind(IMAGES);
  });
  expect(differing(shared.gradients, kept.gradients)).toEqual([]);
  return kept.bytes - shared.bytes;
}

/** The same step with all maps kept and with every `keepEvery`-th, and the bytes that recomputing saves. */
async function savedByRecomputing(description: NetworkDescription, keepEvery: number): Promise<number> {
  using recomputing = await createWasmBackend({ threads: 2 });
  using keeping = await createWasmBackend({ threads: 2 });
  const some = await gradientsOf(recomputing, description, (network) => network.bind(IMAGES, { keepEvery }));
  const all = await gradientsOf(keeping, description, (network) => network.bind(IMAGES));
  expect(differing(some.gradients, all.gradients)).toEqual([]);
  return all.bytes - some.bytes;
}

describe("maps that are computed again for the backward pass", () => {
  const mapsOf = (...counts: readonly number[]): number =>
    counts.reduce((sum, count, stage) => sum + count * IMAGES * 4 * (32 >> stage) ** 2 * (16 << stage), 0);

  // Six units a stage, of which the last keeps its map, and as many buffers of stage 1's size as units come between.
  it.each([
    { keepEvery: 2, maps: mapsOf(3 - 1, 3, 3) },
    { keepEvery: 3, maps: mapsOf(4 - 2, 4, 4) },
    { keepEvery: 100, maps: mapsOf(5 - 5, 5, 5) },
  ])("change no bit of any gradient, and less memory is needed: every $keepEvery", async ({ keepEvery, maps }) => {
    // Six results of stage 1, int16, then share the memory of one.
    const saved = maps + 5 * IMAGES * 32 * 32 * 16 * 2;
    for (const description of [rbnet20({ classes: 10 }), real2binary20({ classes: 10 })]) {
      const found = await savedByRecomputing(description, keepEvery);
      expect(found).toBeGreaterThan(saved - 4096);
      expect(found).toBeLessThanOrEqual(saved + 4096);
    }
  });
});

describe("memory that layers use in turn", () => {
  it("changes no bit of any gradient, and less of it is needed", async () => {
    const saved = await savedOf(rbnet20({ classes: 10 }));
    // The gradients of the stages' shifted units, float32 on 17 x 17, 9 x 9 and 5 x 5 blocks, share the memory of one.
    expect(saved).toBeGreaterThanOrEqual(IMAGES * (9 * 9 * 128 + 5 * 5 * 256) * 4);
  });

  it("holds one weighed product for all gates", async () => {
    const saved = await savedOf(real2binary20({ classes: 10 }));
    expect(saved).toBeGreaterThanOrEqual(IMAGES * (5 * 32 * 32 * 16 + 6 * 16 * 16 * 32 + 6 * 8 * 8 * 64) * 4);
  });
});
