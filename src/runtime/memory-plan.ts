/** Which values of a flat network can share memory: each value gets the number of a buffer that no living value holds. */
import type { Operation } from "./operations.js";

export interface MemoryPlan {
  /** Buffer of the value that operation i produces. */
  readonly buffers: readonly number[];
  /** Elements of each buffer. */
  readonly sizes: readonly number[];
}

function inputsOf(operation: Operation): readonly number[] {
  const { shortcut, factors } = "epilogue" in operation ? operation.epilogue : {};
  return [operation.input, shortcut, factors].filter((value) => value !== undefined);
}

/** `elements[i]` is the size of the value of operation i (value i + 1). The last value lives on. */
export function planMemory(operations: readonly Operation[], elements: readonly number[]): MemoryPlan {
  const lastUse = new Map<number, number>();
  for (const [index, operation] of operations.entries()) for (const value of inputsOf(operation)) lastUse.set(value, index);
  const sizes: number[] = [];
  const buffers: number[] = [];
  const free = new Set<number>();
  for (const [index, operation] of operations.entries()) {
    const size = elements[index] ?? 0;
    // The smallest buffer that fits, or else the largest, grown.
    const candidates = [...free].sort((a, b) => (sizes[a] ?? 0) - (sizes[b] ?? 0));
    const buffer = candidates.find((candidate) => (sizes[candidate] ?? 0) >= size) ?? candidates.at(-1) ?? sizes.push(0) - 1;
    sizes[buffer] = Math.max(sizes[buffer] ?? 0, size);
    free.delete(buffer);
    buffers.push(buffer);
    for (const value of inputsOf(operation)) {
      const owner = value === 0 ? undefined : buffers[value - 1];
      if (owner !== undefined && lastUse.get(value) === index) free.add(owner);
    }
  }
  return { buffers, sizes };
}
