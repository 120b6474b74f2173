/** The reference refuses calls whose operands a device could not bind together. */
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { real } from "./differences.js";

const TERM = { weight: 1, temperature: 1, scale: 1, accumulate: false, divergence: false };

describe("operands of the reference", () => {
  it("refuses to write what a call reads, in whole and in part", () => {
    const backend = createReferenceBackend();
    const x = real(backend, [4, 4], new Float32Array(16).fill(1));
    expect(() => backend.copy(x, x)).toThrow("copy writes");
    expect(() => backend.add(backend.view(x, [4]), backend.view(x, [4], 2))).toThrow("add writes");
    const pixels = { images: 1, height: 1, width: 4, channels: 4, kernel: 1, step: 1, rows: [0], columns: [0, 1, 2, 3] };
    const plan = backend.planConvolution(backend.window(pixels), 4, { signs: false, inputGradient: false });
    expect(() => backend.convolution(x, backend.allocate("float32", [4, 4]), plan, x)).toThrow("convolution writes");
  });

  it("refuses to write beside what a call reads, unless the kernel says so", () => {
    const backend = createReferenceBackend();
    const memory = backend.allocate("float32", [8]);
    const [one, other] = [backend.view(memory, [2, 2]), backend.view(memory, [2, 2], 4)];
    expect(() => backend.copy(one, other)).toThrow("copy writes");
    const norm = real(backend, [4, 2], [1, 1, 0, 0, 0, 0, 1, 1]);
    const transform = { norm, layout: undefined, shortcut: undefined, activation: undefined };
    expect(() => backend.normalizeActivate(one, transform, other)).not.toThrow();
    expect(() => backend.normalizeActivate(one, transform, one)).toThrow("normalizeActivate writes");
  });

  it("looks into records of operands", () => {
    const backend = createReferenceBackend();
    const y = backend.allocate("float32", [2, 2]);
    const norm = backend.allocate("float32", [4, 2]);
    const out = backend.allocate("float32", [2, 2]);
    expect(() => backend.normalizeActivate(y, { norm, layout: undefined, shortcut: out, activation: undefined }, out)).toThrow(
      "normalizeActivate writes",
    );
  });

  it("refuses to write two operands over each other, and lets them lie apart in one allocation", () => {
    const backend = createReferenceBackend();
    const [logits, targets] = [backend.allocate("float32", [1, 2]), real(backend, [1, 2], [0.5, 0.5])];
    const memory = backend.allocate("float32", [8]);
    const losses = backend.view(memory, [1]);
    expect(() => backend.softmaxCrossEntropy(logits, targets, TERM, losses, backend.view(memory, [1, 2]))).toThrow(
      "softmaxCrossEntropy writes",
    );
    expect(() => backend.softmaxCrossEntropy(logits, targets, TERM, losses, backend.view(memory, [1, 2], 4))).not.toThrow();
  });

  it("lets a kernel work in place where the contract says that it may, on the very same elements", () => {
    const backend = createReferenceBackend();
    const x = backend.allocate("float32", [4]);
    expect(() => backend.sigmoid(x, x)).not.toThrow();
    expect(() => backend.sigmoid(backend.view(x, [4]), x)).not.toThrow();
    expect(() => backend.sigmoid(backend.view(x, [2]), backend.view(x, [2], 1))).toThrow("sigmoid writes");
  });
});
