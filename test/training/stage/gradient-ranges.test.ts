/** What travels of the gradients while the backward pass goes on. */
import { describe, expect, it } from "vitest";
import { createCountingBackend } from "#rbnet/backend/wasm/counting";
import { Network } from "#rbnet/networks/network";
import { rbnet18 } from "#rbnet/networks/rbnet";
import { GradientRanges } from "#rbnet/training/stage/gradient-ranges";

describe("stretches of gradients", () => {
  it("are all of the memory, each element once, and most of it before the backward pass is over", () => {
    using backend = createCountingBackend();
    const network = new Network(backend, rbnet18({ classes: 10 }), { normal: (count) => new Float32Array(count) });
    const gradients = network.store.values.layout.elements;
    const elements = gradients + network.store.states.layout.elements;
    const ranges = new GradientRanges(network.store, network.layers, elements);
    for (let pass = 0; pass < 2; pass++) {
      const times = new Uint8Array(elements);
      const count = ({ from, end }: { from: number; end: number }): void => {
        for (let i = from; i < end; i++) times[i]++;
      };
      for (const layer of [...network.layers.keys()].reverse()) ranges.after(layer).forEach(count);
      const early = times.reduce((sum, time) => sum + time, 0);
      ranges.rest().forEach(count);
      expect(early).toBeGreaterThan(0.9 * elements);
      expect(times.every((time) => time === 1)).toBe(true);
    }
  });
});
