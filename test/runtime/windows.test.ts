/** Blocks part a map without gaps or overlaps, whatever its sides; grids are the windows of an ordinary convolution. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { geometryOf, layoutOf, spreadOf, tapCount, type Windows, windowMap } from "#rbnet/runtime/windows";
import { elementCount, type Tensor, type WindowGeometry, windowCount, windowSize } from "#rbnet/tensor";
import { Draw, seeds } from "../backend/shapes.js";

const side = fc.integer({ min: 1, max: 17 });
const blocks: fc.Arbitrary<Windows> = fc.record({
  kind: fc.constant("blocks" as const),
  dilation: fc.constantFrom(1, 2, 4),
  shift: fc.constantFrom(0 as const, 1 as const),
});
const maps = fc.record({ height: side, width: side, channels: fc.constantFrom(1, 3) });

/** How often each pixel of one image lies under a window. */
function cover({ height, width, rows, columns, kernel, step }: WindowGeometry): number[] {
  const counts = new Array<number>(height * width).fill(0);
  for (const top of rows) {
    for (const left of columns) {
      for (let tap = 0; tap < kernel ** 2; tap++) {
        const [row, column] = [top + Math.floor(tap / kernel) * step, left + (tap % kernel) * step];
        if (row >= 0 && row < height && column >= 0 && column < width) counts[row * width + column]++;
      }
    }
  }
  return counts;
}

/** The values under each window, as a convolution finds them whose every filter picks one. */
function spaceToDepth(backend: Backend, x: Tensor, geometry: WindowGeometry): Tensor {
  const N = windowSize(geometry);
  const weights = backend.allocate("float32", [N, N]);
  const identity = Float32Array.from({ length: N * N }, (_, i) => (i % (N + 1) === 0 ? 1 : 0));
  backend.write(weights, identity);
  const columns = backend.allocate("float32", [windowCount(geometry), N]);
  const plan = backend.planConvolution(backend.window(geometry), N, { signs: false, inputGradient: false });
  backend.convolution(x, weights, plan, columns);
  return columns;
}

describe("blocks", () => {
  it("hold every pixel in exactly one block", () => {
    fc.assert(
      fc.property(blocks, maps, (windows, map) => {
        const counts = cover(geometryOf(windows, 1, map));
        expect(counts).toEqual(new Array<number>(counts.length).fill(1));
      }),
    );
  });

  it("are a quarter as many as the pixels where the map divides by twice the dilation, and a row and a column more when shifted", () => {
    for (const dilation of [1, 2, 4]) {
      const map = { height: 16, width: 8, channels: 3 };
      expect(windowMap({ kind: "blocks", dilation, shift: 0 }, map, 5)).toEqual({ height: 8, width: 4, channels: 5 });
    }
    const shifted: Windows = { kind: "blocks", dilation: 1, shift: 1 };
    expect(windowMap(shifted, { height: 16, width: 8, channels: 3 }, 5)).toEqual({ height: 9, width: 5, channels: 5 });
    // On odd sides either grid reaches over one border.
    expect(windowMap(shifted, { height: 7, width: 7, channels: 3 }, 5)).toEqual({ height: 4, width: 4, channels: 5 });
  });

  it("come back as they were from space to depth and depth to space", async () => {
    await fc.assert(
      fc.asyncProperty(blocks, maps, fc.integer({ min: 1, max: 2 }), seeds, async (windows, map, images, seed) => {
        const backend = createReferenceBackend();
        const geometry = geometryOf(windows, images, map);
        const [shape, N] = [[images, map.height, map.width, map.channels], windowSize(geometry)];
        const [x, back] = [backend.allocate("float32", shape), backend.allocate("float32", shape)];
        backend.write(x, new Draw(seed).reals(elementCount(shape), 1));
        const columns = spaceToDepth(backend, x, geometry);
        // Scale 1 and bias 0: the epilogue only places.
        const norm = backend.allocate("float32", [4, N]);
        backend.fill(backend.view(norm, [N]), 1);
        backend.normalizeActivate(
          columns,
          { norm, layout: backend.window(geometry), shortcut: undefined, activation: undefined },
          back,
        );
        expect(await backend.read(back)).toEqual(await backend.read(x));
      }),
      { numRuns: 40 },
    );
  });

  it("read four pixels, `dilation` apart", () => {
    const geometry = geometryOf({ kind: "blocks", dilation: 2, shift: 0 }, 3, { height: 4, width: 8, channels: 5 });
    expect(geometry).toMatchObject({ images: 3, kernel: 2, step: 2, rows: [0, 1], columns: [0, 1, 4, 5] });
    expect(tapCount({ kind: "blocks", dilation: 2, shift: 0 })).toBe(4);
    expect(windowSize(geometry)).toBe(20);
  });
});

describe("patches", () => {
  const patches = (size: number): Windows => ({ kind: "patches", size });

  it("hold every pixel in exactly one patch", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), maps, (size, map) => {
        const counts = cover(geometryOf(patches(size), 1, map));
        expect(counts).toEqual(new Array<number>(counts.length).fill(1));
      }),
    );
  });

  it("are laid on as many patches of half their side, which hold every pixel of a map of half the size, rounded up, once", () => {
    fc.assert(
      fc.property(fc.constantFrom(2, 4, 6), maps, (size, map) => {
        const multiplied = geometryOf(patches(size), 3, map);
        const { geometry } = layoutOf(createReferenceBackend(), patches(size), { geometry: multiplied })!;
        expect(geometry).toMatchObject({ images: 3, height: Math.ceil(map.height / 2), width: Math.ceil(map.width / 2) });
        expect(windowCount(geometry)).toBe(windowCount(multiplied));
        const counts = cover(geometry);
        expect(counts).toEqual(new Array<number>(counts.length).fill(1));
      }),
    );
  });

  it("of an odd side, and windows that overlap, are laid nowhere", () => {
    const map = { height: 6, width: 6, channels: 1 };
    expect(spreadOf(patches(3), map)).toBeUndefined();
    expect(spreadOf({ kind: "grid", kernel: 2, stride: 2, padding: 0 }, map)).toBeUndefined();
  });

  it("put the pixel at (5, 6) of a map at tap (1, 2) of patch (1, 1)", async () => {
    const backend = createReferenceBackend();
    const geometry = geometryOf(patches(4), 1, { height: 8, width: 8, channels: 1 });
    const x = backend.allocate("float32", [1, 8, 8, 1]);
    const pixels = new Float32Array(64);
    pixels[5 * 8 + 6] = 1;
    backend.write(x, pixels);
    expect((await backend.read(spaceToDepth(backend, x, geometry))).indexOf(1)).toBe(3 * 16 + 1 * 4 + 2);
  });
});

describe("grids", () => {
  it.each([
    { kernel: 1, stride: 1, padding: 0, side: 7, origins: [0, 1, 2, 3, 4, 5, 6] },
    { kernel: 3, stride: 1, padding: 1, side: 4, origins: [-1, 0, 1, 2] },
    { kernel: 3, stride: 2, padding: 1, side: 6, origins: [-1, 1, 3] },
    { kernel: 3, stride: 2, padding: 1, side: 7, origins: [-1, 1, 3, 5] },
  ])("$kernel x $kernel, stride $stride on $side pixels", ({ kernel, stride, padding, side, origins }) => {
    const windows: Windows = { kind: "grid", kernel, stride, padding };
    const map = { height: side, width: side, channels: 2 };
    expect(geometryOf(windows, 1, map)).toMatchObject({ kernel, step: 1, rows: origins, columns: origins });
    expect(windowMap(windows, map, 9)).toEqual({ height: origins.length, width: origins.length, channels: 9 });
    expect(tapCount(windows)).toBe(kernel ** 2);
  });
});
