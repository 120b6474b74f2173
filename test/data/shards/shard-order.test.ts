/** The shuffle of a streaming loader, on indices: what it may mix, and how well. */
import { describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { bufferShuffle } from "#rbnet/data/shards/shard-order";

const COUNT = 1000;
const CAPACITY = 64;

function orderOf(capacity: number): Uint32Array {
  const sequence = Uint32Array.from({ length: COUNT }, (_, i) => 7 * i);
  const order = new Uint32Array(COUNT);
  bufferShuffle(sequence, capacity, new Random(3), order);
  return order;
}

describe("a shuffle with a buffer", () => {
  it.each([1, CAPACITY, COUNT, 2 * COUNT])("of %d gives out every image once", (capacity) => {
    expect(Array.from(orderOf(capacity)).sort((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, i) => 7 * i));
  });

  it("never gives out an image before it has entered the buffer", () => {
    for (const [position, image] of orderOf(CAPACITY).entries()) expect(image / 7).toBeLessThan(position + CAPACITY);
    expect(Array.from(orderOf(1))).toEqual(Array.from({ length: COUNT }, (_, i) => 7 * i));
  });

  it("mixes as far as the buffer reaches: an image waits about as long as the buffer has places", () => {
    const waits = Array.from(orderOf(CAPACITY), (image, position) => position - (image / 7 - CAPACITY));
    const middle = waits.slice(200, 800);
    const mean = middle.reduce((sum, wait) => sum + wait, 0) / middle.length;
    expect(mean).toBeGreaterThan(CAPACITY / 2);
    expect(mean).toBeLessThan(CAPACITY * 1.5);
    // Drawn at random, and not in turn: many leave at once, and some stay for several times the mean.
    expect(middle.filter((wait) => wait < CAPACITY / 4).length).toBeGreaterThan(60);
    expect(Math.max(...middle)).toBeGreaterThan(3 * CAPACITY);
  });
});
