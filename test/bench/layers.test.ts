/**
 * The comparison with PyTorch, layer by layer. RBNET_PYTHON names a Python that has torch and safetensors; what needs none is
 * tested anyway.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { networkByName } from "#rbnet/networks/catalogue";
import { Network } from "#rbnet/networks/network";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "#rbnet/runtime/safetensors";
import { writeTrace } from "../../bench/layer-trace.js";
import { askPyTorch, compareLayers, layersRecord, layersTable } from "../../bench/layers.js";
import { TracedNetwork } from "../../bench/traced-network.js";
import { temporaryFolder } from "../temporary-folder.js";

const python = process.env.RBNET_PYTHON;
const peers = dirname(fileURLToPath(new URL("../../bench/peers/check_layers.py", import.meta.url)));
if (python === undefined)
  console.warn("RBNET_PYTHON names no Python with PyTorch and safetensors: the comparison of layers with PyTorch is skipped");

async function traceOf(backend: Backend, network: string, batch: number): Promise<string> {
  const path = join(temporaryFolder(), "trace.safetensors");
  await writeTrace(path, backend, { description: (classes) => networkByName(network, { classes }), batch, seed: 1 });
  return path;
}

/** Writes the trace again with one tensor changed. */
function change(path: string, name: string, edit: (tensor: StoredTensor) => void): void {
  const { metadata, tensors } = decodeSafetensors(readFileSync(path), path);
  edit(tensors.get(name)!);
  writeFileSync(path, encodeSafetensors({ metadata, tensors }));
}

describe("a traced network", () => {
  const description = networkByName("rbnet8", { classes: 4 });

  async function step(make: typeof Network | typeof TracedNetwork) {
    using backend = await createWasmBackend({ threads: 1 });
    const random = new Random(3);
    const normal = (count: number, deviation: number) => Float32Array.from({ length: count }, () => deviation * random.normal());
    const network = new make(backend, description, { normal });
    network.bind(2);
    const images = backend.allocate("float32", [2, 32, 32, 3]);
    backend.write(images, normal(2 * 32 * 32 * 3, 1));
    const gradient = backend.allocate("float32", [2, 1, 1, 4]);
    backend.write(gradient, normal(8, 1));
    const logits = await backend.read(network.forward(images));
    network.backward(gradient);
    const gradients = await Promise.all(network.parameters.map((parameter) => backend.read(parameter.gradient)));
    return { network, logits, gradients };
  }

  it("computes the bits of one that is not", async () => {
    const [traced, plain] = [await step(TracedNetwork), await step(Network)];
    expect(traced.logits).toEqual(plain.logits);
    expect(traced.gradients).toEqual(plain.gradients);
  });

  it("keeps maps as they were when they passed, not as what followed left them", async () => {
    const { network, logits } = await step(TracedNetwork);
    const maps = await (network as TracedNetwork).maps();
    const last = network.layers.length - 1;
    expect(maps.get(`output/${last}`)?.data).toEqual(logits);
    // Units write the gradient of their input where that of their output was.
    expect(maps.get("outputGradient/1")?.data).not.toEqual(maps.get("outputGradient/2")?.data);
    expect([...maps.keys()].length).toBe(2 * network.layers.length);
  });
});

describe("a comparison of layers", () => {
  it("refuses a network that it does not know, and says which it does", async () => {
    const asked = compareLayers({ network: "vgg", threads: 1 }, () => undefined);
    await expect(asked).rejects.toThrow(/the layers of "vgg" are not compared; choose one of rbnet20, /);
  });
});

describe.skipIf(python === undefined)("PyTorch on a trace", { timeout: 120_000 }, () => {
  const compared = (path: string) => layersRecord("it", "backend", askPyTorch(python!, path, 1));

  it.each(["rbnet8", "resnet20"])("agrees with %s on the reference backend, layer by layer and as a whole", async (network) => {
    using backend = createReferenceBackend();
    const record = compared(await traceOf(backend, network, 2));
    expect(record.disagreeing).toEqual([]);
    expect(record.network?.tensors).toBeGreaterThan(70);
    expect(Math.max(record.gradient.relative, record.network!.gradient.relative)).toBeLessThan(1e-11);
  });

  it("agrees with rbnet8 on WebAssembly to the rounding of float32, and no better", async () => {
    using backend = await createWasmBackend({ threads: 2 });
    const record = compared(await traceOf(backend, "rbnet8", 8));
    expect(record.disagreeing).toEqual([]);
    expect(record.network).toBeNull();
    expect(record.gradient.relative).toBeGreaterThan(1e-8);
  });

  it.each([
    ["gradient/stage2.unit1.threshold", "stage2.unit1: gradient of stage2.unit1.threshold"],
    ["outputGradient/3", "stage2.unit2: gradient of the input"],
    ["output/2", "stage1.unit2: output"],
    ["after/stem1.normalization.running_variance", "stem1: stem1.normalization.running_variance"],
  ])("disagrees where a value of %s is a thousandth off, and names it", async (tensor, complaint) => {
    using backend = await createWasmBackend({ threads: 1 });
    const path = await traceOf(backend, "rbnet8", 8);
    change(path, tensor, ({ data }) => {
      data[0] += 1e-3 * Math.max(...Array.from(data, Math.abs));
    });
    const record = compared(path);
    expect(record.agrees).toBe(false);
    expect(record.disagreeing.map((one) => one.split(" differs")[0])).toContain(complaint);
    expect(layersTable([record])).toContain("DISAGREES");
  });

  it("lets rounding decide the side of a kink: a value there may be on the other, one elsewhere may not", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    // Among the 131,072 values of this stem are some within rounding of where their activation bends.
    const path = await traceOf(backend, "rbnet20", 8);
    const program = `
import json, sys, torch
from check_layers import Sides, Trace, check_layer, theirs_of_layer, undecided

def verdict(place):
    trace = Trace(sys.argv[1])
    theirs_of_layer(trace, 0, torch.float64, sides := Sides())
    call, at = undecided(sides, torch.float32)[0] if place is None else (0, place)
    sides.taken[call][at] = ~sides.taken[call][at]
    moved = theirs_of_layer(trace, 0, torch.float64, Sides(sides.taken))
    for name, tensor in moved.items():
        key = {"output": "output/0"}.get(name, name.replace("gradient of ", "gradient/"))
        trace.tensors[key if key in trace.tensors else f"after/{name}"] = tensor.float()
    found = check_layer(trace, 0)
    return [found["moved"], len(found["disagreeing"]) == 0]

print(json.dumps([verdict(None), verdict((0, 5, 5, 3))]))
`;
    const { stdout, stderr } = spawnSync(python!, ["-B", "-c", program, path], { cwd: peers, encoding: "utf8" });
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: "[[1, true], [0, false]]", stderr: "" });
  });
});
