/** A deployed network against its operations computed by hand, and what it says of operations that do not fit. */
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import type { Operation } from "#rbnet/runtime/operations";

const INPUT = { height: 2, width: 2, channels: 1 };

/** One block of four pixels; each filter is laid back on the pixel of its tap. */
const BINARY: Operation & { kind: "binaryConvolution" } = {
  kind: "binaryConvolution",
  name: "unit",
  input: 0,
  windows: { kind: "blocks", dilation: 1, shift: 0 },
  filters: 4,
  threshold: Float32Array.of(0.5),
  // Filter n in word n: all +1; all -1; +1 on the first pixel only; +1 on the last two.
  weights: Uint32Array.of(0b1111, 0b0000, 0b0001, 0b1100),
  epilogue: {
    scale: Float32Array.of(1, 1, 1, 2),
    bias: Float32Array.of(0, 0, 1, 0),
    shortcut: 0,
    // from 1, left slope 0.5, right slope 2, to -1
    activation: { kind: "balanced", values: Float32Array.of(1, 0.5, 2, -1) },
    depthToSpace: true,
  },
};
const POOL: Operation & { kind: "averagePool" } = { kind: "averagePool", name: "pool", input: 1, size: 2 };
const DENSE: Operation & { kind: "dense" } = {
  kind: "dense",
  name: "classifier",
  input: 2,
  filters: 2,
  weights: Float32Array.of(3, -1),
  bias: Float32Array.of(0, 10),
};

describe("RuntimeNetwork", () => {
  it("computes signs, product, scale, shortcut, activation, pool and classifier", async () => {
    const backend = createReferenceBackend();
    const network = new RuntimeNetwork(backend, [BINARY, POOL, DENSE], INPUT, 1);
    // Signs against 0.5: + - + + (0.5 itself is +1). Products: 2, -2, 0, 2 (for +---: 1 + 1 - 1 - 1; for --++: -1 + 1 + 1 + 1).
    backend.write(network.input, Float32Array.of(1, 0, 0.5, 3));
    network.run();
    // u = scale * product + bias + x: 3, -2, 1.5, 7. Activated: 3, -2.5, 0, 11. Mean: 2.875.
    expect(Array.from(await backend.read(network.output))).toEqual([8.625, 7.125]);
  });

  it("weighs a product by factors that come of the input's mean, through ReLU and a sigmoid", async () => {
    const backend = createReferenceBackend();
    const relu = { ...DENSE, name: "reduce", input: 1, weights: Float32Array.of(1, -1), bias: Float32Array.of(0, 0) };
    const sigmoid = {
      ...{ ...DENSE, name: "expand", input: 2, filters: 4 },
      weights: Float32Array.of(0, 0, 0, 0, 5, 5, 5, 5),
      bias: Float32Array.of(0, Math.log(3), -Math.log(3), 0),
    };
    const operations: readonly Operation[] = [
      { ...POOL, input: 0 },
      { ...relu, activation: "relu" },
      { ...sigmoid, activation: "sigmoid" },
      { ...BINARY, epilogue: { ...BINARY.epilogue, factors: 3 } },
    ];
    const network = new RuntimeNetwork(backend, operations, INPUT, 1);
    backend.write(network.input, Float32Array.of(1, 0, 0.5, 3));
    network.run();
    // Mean 1.125; ReLU leaves 1.125 and 0; factors 1/2, 3/4, 1/4, 1/2. Products as above; u: 2, -1.5, 1.5, 5.
    const found = await backend.read(network.output);
    for (const [i, value] of [1, -2.25, 0, 7].entries()) expect(found[i]).toBeCloseTo(value, 6);
  });
});
