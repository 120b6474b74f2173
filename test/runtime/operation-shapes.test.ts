/** Shapes follow from a list of operations and the input's shape alone. */
import { describe, expect, it } from "vitest";
import { valueShapes } from "#rbnet/runtime/operation-shapes";
import type { Operation } from "#rbnet/runtime/operations";

const INPUT = { height: 5, width: 7, channels: 2 };

const convolution = (name: string, input: number, filters: number, depthToSpace: boolean): Operation => ({
  kind: "realConvolution",
  name,
  input,
  windows: depthToSpace ? { kind: "blocks", dilation: 1, shift: 0 } : { kind: "grid", kernel: 3, stride: 2, padding: 1 },
  filters,
  weights: new Float32Array((depthToSpace ? 4 : 9) * 2 * filters),
  epilogue: { scale: new Float32Array(filters), bias: new Float32Array(filters), depthToSpace },
});

describe("the shapes of values", () => {
  it("are the input's, then one for every operation", () => {
    const operations: readonly Operation[] = [
      convolution("laid back over its blocks", 0, 12, true),
      convolution("of its windows", 0, 12, false),
      { kind: "averagePool", name: "pool", input: 1, size: 2 },
      { kind: "maxPool", name: "largest", input: 0, windows: { kind: "grid", kernel: 3, stride: 2, padding: 1 } },
      { kind: "repeatChannels", name: "repeated", input: 4, times: 3 },
      { kind: "dense", name: "dense", input: 5, filters: 4, weights: new Float32Array(288), bias: new Float32Array(4) },
    ];
    expect(valueShapes(operations, INPUT)).toEqual([
      INPUT,
      { height: 5, width: 7, channels: 3 },
      { height: 3, width: 4, channels: 12 },
      { height: 2, width: 3, channels: 3 },
      { height: 3, width: 4, channels: 2 },
      { height: 3, width: 4, channels: 6 },
      { height: 1, width: 1, channels: 4 },
    ]);
  });

  it("are halved by patches whose filters are laid over four pixels each, and divided by their side otherwise", () => {
    const patches = (depthToSpace: boolean): Operation => ({
      kind: "realConvolution",
      name: "patches",
      input: 0,
      windows: { kind: "patches", size: 4 },
      filters: 12,
      weights: new Float32Array(16 * 2 * 12),
      epilogue: { scale: new Float32Array(12), bias: new Float32Array(12), depthToSpace },
    });
    expect(valueShapes([patches(true), patches(false)], INPUT).slice(1)).toEqual([
      { height: 3, width: 4, channels: 3 },
      { height: 2, width: 2, channels: 12 },
    ]);
  });

  it("are not to be had of a value before it exists", () => {
    const early: Operation = { kind: "averagePool", name: "pool", input: 3, size: 2 };
    expect(() => valueShapes([early], INPUT)).toThrow("value 3 before it exists");
  });
});
