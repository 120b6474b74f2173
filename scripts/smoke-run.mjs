/**
 * A short pass through the whole product, run by each supported Node in a built checkout (scripts/check-nodes.mjs): the demo's
 * way with few images, stopped and resumed, its network shipped, loaded and asked. On WebAssembly, and on the accelerator where
 * it is. Prints digests of the shipped files: the same on every Node.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBackend, rbnet8, shapes, Trainer } from "rbnet";
import { loadModel } from "rbnet/runtime";

const data = shapes({ train: 1920, validation: 100, test: 100, seed: 1 });
const network = rbnet8({ classes: data.classes.length, width: 2 });
const settings = { epochs: 4, batch: 32, seed: 1, augmentation: { crop: { kind: "pad", padding: 2 }, flip: true } };

/** Trains in a folder; stops after `stopAfter` epochs. Returns the model file, where the run came to its end. */
async function train(out, { resume = false, stopAfter = Number.POSITIVE_INFINITY, ...machine }) {
  const trainer = await Trainer.create(network, data, settings, { out, resume, ...machine });
  try {
    let epochs = 0;
    for await (const _epoch of trainer) if (++epochs === stopAfter) trainer.requestStop();
    return trainer.stopped ? undefined : join(out, "model.safetensors");
  } finally {
    await trainer[Symbol.asyncDispose]();
  }
}

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

/** Top-1 of the model file on the test images, one picture after the other, as a user's program asks. */
async function accuracy(model, backend) {
  const classify = await loadModel(model, { backend });
  const { pixels, side } = data.test.source;
  const bytes = side * side * 3;
  let correct = 0;
  for (let image = 0; image < data.test.count; image++) {
    const picture = { data: pixels.slice(image * bytes, (image + 1) * bytes), width: side, height: side };
    const [best] = await classify(picture);
    if (best.label === data.classes[data.test.labels[image]]) correct++;
  }
  classify[Symbol.dispose]();
  return correct / data.test.count;
}

/** What a backend is called, what it shipped, and how good that is. */
async function smoke(backend, folder) {
  const whole = await readFile(await train(join(folder, "whole"), { backend, threads: 2 }));
  const stopped = await train(join(folder, "parts"), { backend, threads: 2, stopAfter: 1 });
  if (stopped !== undefined) throw new Error("the run did not stop");
  const resumed = await train(join(folder, "parts"), { backend, threads: 1, resume: true });
  if (digest(await readFile(resumed)) !== digest(whole)) throw new Error("the resumed run ended with other weights");
  const top1 = await accuracy(resumed, backend);
  if (top1 < 0.3) throw new Error(`the shipped network knows ${top1 * 100} % of ten shapes, hardly more than chance`);
  const opened = await openBackend({ backend, threads: 1 });
  const { description } = opened;
  opened[Symbol.dispose]();
  return { backend: description, digest: digest(whole), top1 };
}

const folder = await mkdtemp(join(tmpdir(), "rbnet-smoke-"));
try {
  const runs = [];
  for (const backend of ["wasm", "auto"]) runs.push(await smoke(backend, join(folder, backend)));
  console.log(JSON.stringify({ node: process.versions.node, runs }));
} finally {
  await rm(folder, { recursive: true, force: true });
}
