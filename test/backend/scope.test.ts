/** Memory that is given back where its scope ends, and others' that is not. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { MemoryScope } from "#rbnet/backend/scope";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";

function numbers(backend: Backend, values: readonly number[]) {
  const tensor = backend.allocate("float32", [values.length]);
  backend.write(tensor, Float32Array.from(values));
  return tensor;
}

describe("a scope of memory", () => {
  it("gives back what was allocated in it", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    numbers(backend, [1]);
    const { bytes } = backend.memory;
    {
      using _scope = new MemoryScope(backend);
      numbers(backend, [2, 3]);
      expect(backend.memory.bytes).toBeGreaterThan(bytes);
    }
    expect(backend.memory.bytes).toBe(bytes);
  });

  it("that is sealed leaves alone what others have allocated after it, and gives back its own where they are gone", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    const { bytes } = backend.memory;
    const outer = new MemoryScope(backend);
    const inner = new MemoryScope(backend);
    numbers(backend, [1, 2]);
    inner.seal();
    outer.seal();
    const others = new MemoryScope(backend);
    const kept = numbers(backend, [3, 4]);
    inner[Symbol.dispose]();
    numbers(backend, [5, 6]);
    expect([...(await backend.read(kept))]).toEqual([3, 4]);
    others[Symbol.dispose]();
    outer[Symbol.dispose]();
    expect(backend.memory.bytes).toBe(bytes);
  });
});
