/**
 * Values share buffers only when one is dead before the other is written. Found by running random lists of operations with names
 * for values.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planMemory } from "#rbnet/runtime/memory-plan";
import type { Operation } from "#rbnet/runtime/operations";

interface Node {
  readonly input: number;
  readonly shortcut: number | undefined;
  readonly factors?: number | undefined;
  readonly elements: number;
}

const maybe = fc.option(fc.nat(), { nil: undefined });

/** Operation i reads any values from 0 to i. Some values are read often, some never. */
const nodes: fc.Arbitrary<readonly Node[]> = fc
  .array(fc.tuple(fc.nat(), maybe, maybe, fc.integer({ min: 1, max: 50 })), {
    minLength: 1,
    maxLength: 20,
  })
  .map((drawn) =>
    drawn.map(([input, shortcut, factors, elements], i) => ({
      // Mostly the values just before, as in a network.
      input: Math.max(0, i - (input % 4)),
      shortcut: shortcut === undefined ? undefined : shortcut % (i + 1),
      factors: factors === undefined ? undefined : factors % (i + 1),
      elements,
    })),
  );

function operationOf({ input, shortcut, factors }: Node): Operation {
  if (shortcut === undefined && factors === undefined) return { kind: "averagePool", name: "pool", input, size: 2 };
  const read = { ...(shortcut === undefined ? {} : { shortcut }), ...(factors === undefined ? {} : { factors }) };
  const epilogue = { scale: new Float32Array(1), bias: new Float32Array(1), ...read, depthToSpace: false };
  const windows = { kind: "grid", kernel: 1, stride: 1, padding: 0 } as const;
  return { kind: "realConvolution", name: "unit", input, windows, filters: 1, weights: new Float32Array(1), epilogue };
}

const planOf = (list: readonly Node[]) =>
  planMemory(
    list.map(operationOf),
    list.map(({ elements }) => elements),
  );

describe("planMemory", () => {
  it("never gives two living values one buffer", () => {
    fc.assert(
      fc.property(nodes, (list) => {
        const { buffers, sizes } = planOf(list);
        const holds = new Map<number, number>();
        for (const [i, { input, shortcut, factors, elements }] of list.entries()) {
          const buffer = buffers[i];
          for (const value of [input, shortcut ?? 0, factors ?? 0]) {
            if (value === 0) continue;
            expect(holds.get(buffers[value - 1]), `operation ${i} reads value ${value}`).toBe(value);
            expect(buffers[value - 1], `operation ${i} writes over value ${value} while it reads it`).not.toBe(buffer);
          }
          expect(sizes[buffer]).toBeGreaterThanOrEqual(elements);
          holds.set(buffer, i + 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("takes two buffers for a chain of any length", () => {
    const chain = Array.from({ length: 9 }, (_, i) => ({ input: i, shortcut: undefined, elements: 9 - i }));
    expect(planOf(chain).sizes).toEqual([9, 8]);
  });

  it("keeps a shortcut's value until it is added, then uses its buffer again", () => {
    const list = [
      { input: 0, shortcut: undefined, elements: 4 },
      { input: 1, shortcut: undefined, elements: 4 },
      { input: 2, shortcut: 1, elements: 4 },
      { input: 3, shortcut: undefined, elements: 4 },
    ];
    const { buffers } = planOf(list);
    expect(new Set(buffers.slice(0, 3)).size).toBe(3);
    expect(buffers.slice(0, 2)).toContain(buffers[3]);
  });
});
