/** Our side of `npm run bench -- inference`: a model file on one image or several at once, by the line protocol (bench/README.md). */
import { parseArgs } from "node:util";
import { openBackend } from "#rbnet/backend/open";
import { readModelFile } from "#rbnet/deploy/model-file";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import { measuredBackend } from "./measured-backends.js";
import { serveSteps, startOfMemory } from "./serve-steps.js";
import { installedVersion } from "./versions.js";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    backend: { type: "string" },
    threads: { type: "string" },
    batch: { type: "string", default: "1" },
  },
});

const residentBefore = startOfMemory();
const { operations, size } = await readModelFile(values.model ?? "");
const backend = await openBackend({ threads: Number(values.threads), backend: measuredBackend(values.backend) });
const images = Number(values.batch);
const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, images);
backend.write(
  network.input,
  Float32Array.from({ length: images * size * size * 3 }, (_, i) => ((i * 7919) % 256) / 128 - 1),
);

await serveSteps({
  version: `${installedVersion()} (${backend.description})`,
  residentBefore,
  deviceBytes: values.backend === "webgpu" ? () => backend.memory.peakBytes : undefined,
  step: async () => {
    network.run();
    await backend.read(network.output);
  },
});
backend[Symbol.dispose]();
