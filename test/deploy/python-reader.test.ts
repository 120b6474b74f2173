/**
 * The reference implementation of safetensors, in Python, opens a model file and finds what is in it. RBNET_PYTHON names a Python
 * that has it.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { encodeModel } from "#rbnet/runtime/model";
import { decodeSafetensors } from "#rbnet/runtime/safetensors";
import { smallModel } from "../runtime/small-model.js";
import { temporaryFolder } from "../temporary-folder.js";

const python = process.env.RBNET_PYTHON ?? "python3";
const reads = spawnSync(python, ["-c", "import numpy, safetensors"]).status === 0;

const PROGRAM = `
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], "numpy") as file:
    tensors = {name: file.get_tensor(name) for name in file.keys()}
    print(json.dumps({
        "metadata": file.metadata(),
        "tensors": {name: [str(t.dtype), list(t.shape), float(t.astype("float64").sum())] for name, t in tensors.items()},
    }))
`;

describe.skipIf(!reads)("Python's safetensors (skipped where it is not installed)", () => {
  it.each(["float32", "float16"] as const)("opens a model file in %s", async (precision) => {
    using backend = await createWasmBackend({ threads: 1 });
    const bytes = encodeModel(await smallModel(backend), precision);
    const path = join(temporaryFolder(), `${precision}.safetensors`);
    writeFileSync(path, bytes);
    const { status, stdout, stderr } = spawnSync(python, ["-c", PROGRAM, path], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const found = JSON.parse(stdout) as { metadata: unknown; tensors: Record<string, [string, number[], number]> };
    const { metadata, tensors } = decodeSafetensors(bytes, "it");
    expect(found.metadata).toEqual(metadata);
    expect(Object.keys(found.tensors).sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { type, shape, data }] of tensors) {
      const [dtype, itsShape, sum] = found.tensors[name]!;
      expect([dtype, itsShape]).toEqual([type, shape]);
      if (type !== "float16")
        expect(sum).toBeCloseTo(
          Array.from(data).reduce((total, value) => total + value, 0),
          6,
        );
    }
  });
});
