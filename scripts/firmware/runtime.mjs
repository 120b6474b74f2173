/** Models to check in C, and what the runtime says of them, by the build whose arithmetic the C follows to the bit. */
import { createWasmBackend } from "../../dist/backend/wasm/backend.js";
import { Random } from "../../dist/data/random.js";
import { networkByName } from "../../dist/networks/catalogue.js";
import { Network } from "../../dist/networks/network.js";
import { decodeModel, encodeModel } from "../../dist/runtime/model.js";
import { RuntimeNetwork } from "../../dist/runtime/network.js";

/** `pixels`: [images, size, size, 3] bytes. Returns the logits of each image. */
export async function runtimeLogits({ operations, size, classes, mean, standardDeviation }, pixels) {
  const backend = await createWasmBackend({ threads: 1, relaxed: false });
  const bytes = size * size * 3;
  const images = pixels.length / bytes;
  const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, 1);
  const logits = [];
  for (let image = 0; image < images; image++) {
    const part = pixels.subarray(image * bytes, (image + 1) * bytes);
    backend.write(
      network.input,
      Float32Array.from(part, (value, i) => (value / 255 - mean[i % 3]) / standardDeviation[i % 3]),
    );
    network.run();
    logits.push(Float32Array.from(await backend.read(network.output)).subarray(0, classes.length));
  }
  backend[Symbol.dispose]();
  return logits;
}

/** A network of the catalogue at 32 x 32 pixels and ten classes, its weights, statistics and parameters drawn: `rbnet20`, `rbnet20:2`. */
export async function drawnModel(text) {
  const [name, width = "1"] = text.split(":");
  const backend = await createWasmBackend({ threads: 1, relaxed: false });
  const random = new Random(21);
  const description = networkByName(name, { classes: 10, width: Number(width), size: 32 });
  const network = new Network(backend, description, {
    normal: (count, deviation) => Float32Array.from({ length: count }, () => deviation * random.normal()),
  });
  for (const { value } of [...network.parameters, ...network.states]) {
    const values = await backend.read(value);
    backend.write(
      value,
      Float32Array.from(values, (old) => old + 0.05 * random.uniform()),
    );
  }
  const operations = await network.fold();
  backend[Symbol.dispose]();
  const model = {
    network: { name, width: Number(width) },
    classes: Array.from({ length: 10 }, (_, i) => `class ${i}`),
    size: 32,
    mean: [0.49, 0.48, 0.45],
    standardDeviation: [0.25, 0.24, 0.26],
    operations,
  };
  // As a file holds it: without the rows of activations that their kind does not learn.
  return decodeModel(encodeModel(model), name);
}
