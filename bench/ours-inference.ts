/** Our side of `npm run bench -- inference`: a model file on one image, driven by the line protocol (bench/README.md). */
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { openBackend } from "#rbnet/backend/open";
import { readModelFile } from "#rbnet/deploy/model-file";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import { resetPeak, statusBytes } from "./process-memory.js";
import { installedVersion } from "./versions.js";

const { values } = parseArgs({
  options: { model: { type: "string" }, backend: { type: "string" }, threads: { type: "string" } },
});

const residentBefore = statusBytes("VmRSS");
resetPeak();
const { operations, size } = await readModelFile(values.model ?? "");
const backend = await openBackend({ threads: Number(values.threads), name: values.backend === "native" ? "native" : "wasm" });
const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, 1);
backend.write(
  network.input,
  Float32Array.from({ length: size * size * 3 }, (_, i) => ((i * 7919) % 256) / 128 - 1),
);

answer({ ready: true, version: `${installedVersion()} (${backend.description})` });
for await (const line of createInterface({ input: process.stdin })) {
  const [request, argument] = line.split(" ");
  if (request === "step") {
    const start = performance.now();
    for (let step = 0; step < Number(argument); step++) {
      network.run();
      await backend.read(network.output);
    }
    answer({ seconds: (performance.now() - start) / 1_000, steps: Number(argument) });
  } else if (request === "memory")
    answer({ peakBytes: statusBytes("VmHWM") - residentBefore, residentBytes: statusBytes("VmHWM") });
  else if (request === "quit") break;
  else throw new Error(`unknown request: ${line}`);
}
backend[Symbol.dispose]();

function answer(reply: object): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
