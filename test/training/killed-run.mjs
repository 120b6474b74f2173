/**
 * A small run with a checkpoint after every step, for a test that kills it: node killed-run.mjs <folder> <threads>. Resumes where
 * there is a checkpoint. Says each step on a line; ends with "done".
 */
import { shapes } from "#rbnet/data/shapes/shapes";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { holdsRun } from "#rbnet/stores/run-folder";
import { Trainer } from "#rbnet/training/trainer";

const [folder, threads] = process.argv.slice(2);
const data = shapes({ train: 64, validation: 20, test: 0, size: 16 });
const network = rbnet8({ classes: 10, width: 0.5, size: 16 });
const settings = { epochs: 5, batch: 8, learningRate: 5e-3, average: 0.9, augmentation: { flip: true, mixup: 0.2 } };
const trainer = await Trainer.create(network, data, settings, {
  out: folder,
  threads: Number(threads),
  resume: holdsRun(folder),
  checkpointMinutes: 0,
  onStep: ({ epoch, step }) => console.log(`${epoch} ${step}`),
});
for await (const _epoch of trainer);
await trainer[Symbol.asyncDispose]();
console.log("done");
