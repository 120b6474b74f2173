/** Our side of `npm run bench -- inference`: a model file on one image, driven by the line protocol (bench/README.md). */
import { parseArgs } from "node:util";
import { openBackend } from "#rbnet/backend/open";
import { readModelFile } from "#rbnet/deploy/model-file";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import { measuredBackend } from "./measured-backends.js";
import { serveSteps, startOfMemory } from "./serve-steps.js";
import { installedVersion } from "./versions.js";

const { values } = parseArgs({
  options: { model: { type: "string" }, backend: { type: "string" }, threads: { type: "string" } },
});

const residentBefore = startOfMemory();
const { operations, size } = await readModelFile(values.model ?? "");
const backend = await openBackend({ threads: Number(values.threads), backend: measuredBackend(values.backend) });
const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, 1);
backend.write(
  network.input,
  Float32Array.from({ length: size * size * 3 }, (_, i) => ((i * 7919) % 256) / 128 - 1),
);

await serveSteps({
  version: `${installedVersion()} (${backend.description})`,
  residentBefore,
  step: async () => {
    network.run();
    await backend.read(network.output);
  },
});
backend[Symbol.dispose]();
