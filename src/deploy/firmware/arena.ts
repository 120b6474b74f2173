/**
 * Where the values of a network lie in the one piece of memory of its firmware: as in the runtime no two living values share a place, and
 * more tightly, because kernels in C are known to read before they write. A binary convolution packs the signs of its whole input first,
 * so its result may lie where the input was; and a result may lie on its own shortcut, which is read number by number.
 */
import { valueShapes } from "../../runtime/operation-shapes.js";
import type { Operation } from "../../runtime/operations.js";
import { elementsOf, type MapShape, tapCount } from "../../runtime/windows.js";
import { wordsFor } from "../../tensor.js";

/** How maps are stored. Values of one pixel (gates, features, logits) are float32 in either case. */
export type MapType = "float32" | "float16";

export interface Place {
  readonly type: MapType;
  /** In elements of its type. */
  readonly offset: number;
}

export interface Arena {
  /** Of the value of each operation. */
  readonly places: readonly Place[];
  /** Elements: of both types, packed signs, the signs and the numbers under a window, one a filter, the channels of a pixel. */
  readonly floats: number;
  readonly halves: number;
  readonly bits: number;
  readonly row: number;
  readonly window: number;
  readonly sums: number;
  readonly pixel: number;
  readonly bytes: number;
}

/** Values that lie in one place, from when the first of them is written to when the last is read. */
interface Tenant {
  readonly values: number[];
  readonly type: MapType;
  readonly elements: number;
  readonly begin: number;
  end: number;
}

/** An operation takes two moments: a binary convolution reads its input in the first, and everything else happens in the second. */
const first = (operation: number): number => 2 * operation;
const second = (operation: number): number => 2 * operation + 1;

export function planArena(operations: readonly Operation[], input: MapShape, maps: MapType): Arena {
  const shapes = valueShapes(operations, input);
  const tenants = findTenants(operations, shapes, maps);
  const offsets = new Map<number, number>();
  const sizes: Record<MapType, number> = { float32: 0, float16: 0 };
  for (const type of ["float32", "float16"] as const) {
    const placed: { tenant: Tenant; offset: number }[] = [];
    const own = tenants.filter((tenant) => tenant.type === type).sort((a, b) => b.elements - a.elements || a.begin - b.begin);
    for (const tenant of own) {
      const offset = lowestFree(tenant, placed);
      placed.push({ tenant, offset });
      sizes[type] = Math.max(sizes[type], offset + tenant.elements);
      for (const value of tenant.values) offsets.set(value, offset);
    }
  }
  const places = operations.map((_, index): Place => {
    const type = typeOf(shapes[index + 1] as MapShape, maps);
    return { type, offset: offsets.get(index + 1) ?? 0 };
  });
  const work = workOf(operations, shapes);
  // Every part begins at a multiple of four bytes, so that the structure has no gaps.
  const halves = sizes.float16 + (sizes.float16 % 2);
  const bytes = 4 * (sizes.float32 + work.bits + work.row + work.window + work.sums + 2 * work.pixel) + 2 * halves;
  return { places, floats: sizes.float32, halves, ...work, bytes };
}

function typeOf({ height, width }: MapShape, maps: MapType): MapType {
  return height * width === 1 ? "float32" : maps;
}

function findTenants(operations: readonly Operation[], shapes: readonly MapShape[], maps: MapType): readonly Tenant[] {
  const last = lastReads(operations);
  const tenants: Tenant[] = [];
  const tenantOf = new Map<number, Tenant>();
  for (const [index, operation] of operations.entries()) {
    const value = index + 1;
    const shape = shapes[value] as MapShape;
    const end = last.get(value) ?? second(index);
    const shortcut = "epilogue" in operation ? operation.epilogue.shortcut : undefined;
    // A real convolution reads its input while it writes.
    const lies = shortcut !== undefined && (operation.kind === "binaryConvolution" || shortcut !== operation.input);
    const host = lies && last.get(shortcut) === second(index) ? tenantOf.get(shortcut) : undefined;
    if (host !== undefined) {
      host.values.push(value);
      host.end = end;
      tenantOf.set(value, host);
      continue;
    }
    const tenant = { values: [value], type: typeOf(shape, maps), elements: elementsOf(shape), begin: second(index), end };
    tenants.push(tenant);
    tenantOf.set(value, tenant);
  }
  return tenants;
}

/** The moment of each value's last read; logits and features are read after all. */
function lastReads(operations: readonly Operation[]): ReadonlyMap<number, number> {
  const last = new Map<number, number>();
  const reads = (value: number | undefined, moment: number): void => {
    if (value !== undefined) last.set(value, Math.max(last.get(value) ?? 0, moment));
  };
  for (const [index, operation] of operations.entries()) {
    reads(operation.input, operation.kind === "binaryConvolution" ? first(index) : second(index));
    if (!("epilogue" in operation)) continue;
    reads(operation.epilogue.shortcut, second(index));
    reads(operation.epilogue.factors, second(index));
  }
  reads(operations.length, Number.POSITIVE_INFINITY);
  reads(operations.at(-1)?.input, Number.POSITIVE_INFINITY);
  return last;
}

function lowestFree(tenant: Tenant, placed: readonly { tenant: Tenant; offset: number }[]): number {
  const others = placed
    .filter(({ tenant: other }) => other.begin <= tenant.end && tenant.begin <= other.end)
    .sort((a, b) => a.offset - b.offset);
  let offset = 0;
  for (const other of others) {
    if (offset + tenant.elements <= other.offset) break;
    offset = Math.max(offset, other.offset + other.tenant.elements);
  }
  return offset;
}

/** What layers use in turn, as large as the largest needs; at least one of each, since C has no empty arrays. */
function workOf(
  operations: readonly Operation[],
  shapes: readonly MapShape[],
): Pick<Arena, "bits" | "row" | "window" | "sums" | "pixel"> {
  let [bits, row, window, sums, pixel] = [1, 1, 1, 1, 1];
  for (const [index, operation] of operations.entries()) {
    const from = shapes[operation.input] as MapShape;
    const to = shapes[index + 1] as MapShape;
    pixel = Math.max(pixel, from.channels, to.channels);
    if (operation.kind === "averagePool") sums = Math.max(sums, from.channels);
    if (!("epilogue" in operation)) continue;
    sums = Math.max(sums, operation.filters);
    // Factors are read as a pixel of as many channels as there are filters.
    if (operation.epilogue.factors !== undefined) pixel = Math.max(pixel, operation.filters);
    const inputs = tapCount(operation.windows) * from.channels;
    if (operation.kind === "realConvolution") window = Math.max(window, inputs);
    if (operation.kind !== "binaryConvolution") continue;
    bits = Math.max(bits, from.height * from.width * wordsFor(from.channels));
    row = Math.max(row, wordsFor(inputs));
  }
  return { bits, row, window, sums, pixel };
}
