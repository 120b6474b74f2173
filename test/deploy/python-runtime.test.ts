/**
 * The reader in Python, which follows docs/model-file.md and nothing else, computes what rbnet computes: every value of the test vectors,
 * and the labels of photographs. RBNET_PYTHON names a Python that has NumPy and Pillow.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { classifyFiles } from "#rbnet/deploy/classify-files";
import { readModelFile } from "#rbnet/deploy/model-file";
import { modelFileOf } from "#rbnet/deploy/shipped-models";
import { decodeModel } from "#rbnet/runtime/model";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import { decodeSafetensors } from "#rbnet/runtime/safetensors";

const root = fileURLToPath(new URL("../..", import.meta.url));
const reader = join(root, "integrations/python/rbnet_reader.py");
const data = join(root, "../shared/data");
const python = process.env.RBNET_PYTHON ?? "python3";
const hasPython = spawnSync(python, ["-c", "import numpy, PIL.Image; PIL.Image.Resampling"]).status === 0;
const VECTORS = ["blocks", "patches"];

function read(words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(python, [reader, ...words], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

/** `count` files of a folder with a folder a class, as many of each. */
function photographs(folder: string, count: number): readonly string[] {
  const classes = readdirSync(folder).sort();
  return classes.flatMap((name) =>
    readdirSync(join(folder, name))
      .sort()
      .slice(0, count / classes.length)
      .map((file) => join(folder, name, file)),
  );
}

describe("test vectors", () => {
  it.each(VECTORS)("%s hold what the runtime computes without fused multiply-add, to the bit", async (name) => {
    const file = (ending: string): Uint8Array => readFileSync(join(root, "docs/vectors", `${name}${ending}.safetensors`));
    const { operations, size } = decodeModel(file(""), name);
    const { tensors } = decodeSafetensors(file(".values"), name);
    using backend = await createWasmBackend({ threads: 1, relaxed: false });
    const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, 1);
    backend.write(network.input, tensors.get("value0")!.data as Float32Array);
    for (const index of operations.keys())
      expect(Array.from(await backend.read(network.runOperation(index)))).toEqual(
        Array.from(tensors.get(`value${index + 1}`)!.data),
      );
  });

  it.skipIf(!hasPython)("are met to the bit by the reader in Python (skipped without NumPy and Pillow)", () => {
    for (const name of VECTORS) {
      const found = JSON.parse(read(["--vectors", join(root, "docs/vectors", name)])) as { compared: number; difference: number };
      expect(found.compared).toBeGreaterThan(15);
      expect(found.difference).toBe(0);
    }
  });
});

describe.skipIf(!hasPython || !existsSync(data))(
  "the reader in Python (skipped without NumPy, Pillow or the photographs)",
  () => {
    it.each([
      ["32 x 32", "cifar10/test"],
      ["224 x 224, which are reduced", "imagenette/val"],
    ])("gives the labels and scores of `predict` on 100 JPEG files of %s", { timeout: 300_000 }, async (_size, folder) => {
      const model = "rbnet20-cifar10";
      const files = photographs(join(data, folder), 100);
      const found = read([modelFileOf(model), ...files])
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { label: string; score: number });
      expect(found.length).toBe(100);
      using backend = await createWasmBackend({ threads: 1, relaxed: false });
      let index = 0;
      for await (const answer of classifyFiles(backend, await readModelFile(model), files, 1)) {
        if (!("predictions" in answer)) throw new Error(answer.error);
        const [best] = answer.predictions;
        const { label, score } = found[index++]!;
        expect({ file: answer.path, label }).toEqual({ file: answer.path, label: best!.label });
        expect(Math.abs(score - best!.score)).toBeLessThan(1e-6);
      }
    });
  },
);
