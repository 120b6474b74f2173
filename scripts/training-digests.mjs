/**
 * Prints a digest of what seeded trainings end with: weights, running statistics and shipped model, for several networks, in one
 * and two stages, with a teacher and with maps computed again. A change that should not change what is computed prints the same
 * lines before and after, on the same machine:
 *
 *   node scripts/training-digests.mjs [folder of a built checkout] [--backend wasm|native]... [--only "rbnet20, teacher with attention"]
 *
 * The columns: weights and running statistics, moments and averages, the model file. On one thread, on which results do not
 * depend; all of it takes some quarter of an hour.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { backend: { type: "string", multiple: true, default: ["wasm", "native"] }, only: { type: "string", default: "" } },
});
const root = resolve(positionals[0] ?? ".");
const rbnet = await import(pathToFileURL(join(root, "dist/index.js")).href);

const BATCH = 32;
const data = rbnet.shapes({ train: 100 * BATCH, validation: 400, test: 0, seed: 1 });
const classes = data.classes.length;

/** What is trained, each a few hundred steps. */
const settings = {
  epochs: 2,
  batch: BATCH,
  learningRate: 5e-3,
  seed: 3,
  augmentation: { crop: { kind: "pad", padding: 2 }, flip: true },
};
const RUNS = [
  { name: "rbnet8", network: rbnet.rbnet8({ classes }), settings },
  { name: "rbnet20", network: rbnet.rbnet20({ classes }), settings },
  { name: "real2binary20", network: rbnet.real2binary20({ classes }), settings },
  { name: "reactnet20", network: rbnet.reactnet20({ classes }), settings },
  {
    name: "rbnet20, width 1.25, two stages",
    network: rbnet.rbnet20({ classes, width: 1.25 }),
    settings: { ...settings, stages: 2 },
  },
  { name: "real2binary20, two stages", network: rbnet.real2binary20({ classes }), settings: { ...settings, stages: 2 } },
  {
    name: "rbnet20, two stages, keep-every 2",
    network: rbnet.rbnet20({ classes }),
    settings: { ...settings, stages: 2 },
    setup: { keepEvery: 2 },
  },
  { name: "reactnet20, keep-every 2", network: rbnet.reactnet20({ classes }), settings, setup: { keepEvery: 2 } },
  {
    name: "rbnet8, sgd, average, accumulate 2",
    network: rbnet.rbnet8({ classes }),
    settings: { ...settings, optimizer: "sgd", average: 0.99, accumulate: 2, learningRate: 0.05 },
  },
  {
    name: "rbnet20, teacher with attention",
    network: rbnet.rbnet20({ classes }),
    settings: { ...settings, distill: { weight: 0.7, temperature: 2, attention: 0.5 } },
    teacher: true,
  },
];

const TEACHER = { name: "resnet20", network: rbnet.resnet20({ classes }), settings: { ...settings, epochs: 1 } };

/** Of each tensor's name and bytes, in the order of the names. */
function digestOf(bytes, wanted) {
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const hash = createHash("sha256");
  for (const name of Object.keys(header).sort()) {
    if (name === "__metadata__" || !wanted(name)) continue;
    const [from, to] = header[name].data_offsets;
    hash.update(name).update(bytes.subarray(8 + length + from, 8 + length + to));
  }
  return hash.digest("hex").slice(0, 16);
}

const isTrained = (name) => !/\.(first_moment|second_moment|average|flips)$/.test(name);
const isMoment = (name) => /\.(first_moment|second_moment|average)$/.test(name);

async function train(run, backend, folder, teacher) {
  const out = join(folder, `${backend} ${run.name}`);
  const distilled = run.teacher ? { ...run.settings, distill: { ...run.settings.distill, teacher } } : run.settings;
  const trainer = await rbnet.Trainer.create(run.network, data, distilled, { ...run.setup, backend, threads: 1, out });
  let last;
  try {
    for await (const epoch of trainer) last = epoch;
  } finally {
    await trainer[Symbol.asyncDispose]();
  }
  const checkpoint = await readFile(join(out, "checkpoint.safetensors"));
  const model = await readFile(join(out, "model.safetensors"));
  const digests = [digestOf(checkpoint, isTrained), digestOf(checkpoint, isMoment), digestOf(model, () => true)];
  console.log(
    `${backend.padEnd(6)} | ${run.name.padEnd(36)} | ${digests.join(" | ")} | ${last.steps} steps | loss ` +
      `${last.trainLoss.toFixed(9)} top1 ${last.trainTop1} val ${last.validation?.top1}`,
  );
  return out;
}

for (const backend of values.backend) {
  const folder = await mkdtemp(join(tmpdir(), "rbnet-digests-"));
  try {
    let teacher;
    const wanted = RUNS.filter(({ name }) => name === values.only || values.only === "");
    if (wanted.some(({ teacher: taught }) => taught)) teacher = await train(TEACHER, backend, folder);
    for (const run of wanted) {
      await train(run, backend, folder, teacher);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
