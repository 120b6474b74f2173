/**
 * A peer of `npm run bench -- inference`: ONNX Runtime on a model file, driven by the line protocol (bench/README.md).
 * Arguments: `web` (WebAssembly) or `node` (native), the file, the number of threads, wasm, cpu or cuda, images at once.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [runtime, file, threads, provider, batch] = process.argv.slice(2);
const name = `onnxruntime-${runtime}`;
const status = (key) =>
  Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) * 1024;
const answer = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);

const require = createRequire(import.meta.url);
const ort = require(name);
const { version } = JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), "utf8"));
if (runtime === "web") ort.env.wasm.numThreads = Number(threads);
const before = status("VmRSS");
const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(file)), {
  executionProviders: [provider],
  intraOpNumThreads: Number(threads),
  graphOptimizationLevel: "all",
});
const pixels = Float32Array.from({ length: batch * 3 * 224 * 224 }, (_, i) => ((i * 7919) % 256) / 128 - 1);
const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", pixels, [Number(batch), 3, 224, 224]) };
answer({ ready: true, version });
for await (const line of createInterface({ input: process.stdin })) {
  const [request, argument] = line.split(" ");
  if (request === "step") {
    const start = performance.now();
    for (let step = 0; step < Number(argument); step++) await session.run(feeds);
    answer({ seconds: (performance.now() - start) / 1000, steps: Number(argument) });
  } else if (request === "memory") answer({ peakBytes: status("VmHWM") - before, residentBytes: status("VmHWM") });
  else if (request === "quit") break;
}
process.exit(0);
