/**
 * Trains so many steps and says how much memory they left behind: node --expose-gc test/training/steady-run.mjs <steps> [width]
 * [size] [batch]. One line of JSON: bytes after 10 steps and after the last, of the backend, of JavaScript's heap, and of buffers
 * outside it.
 */
import { shapes } from "#rbnet/data/shapes/shapes";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { Trainer } from "#rbnet/training/trainer";

const WARM = 10;
const [steps = 300, width = 0.5, size = 16, batch = 8] = process.argv.slice(2).map(Number);
const data = shapes({ train: Math.min(4000, steps * batch), validation: 0, test: 0, size });
const stepsPerEpoch = Math.floor(data.train.count / batch);

function memory() {
  // Twice: what the first run finds dead by a finalizer, the second one frees.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return {
    backend: trainer.backend.memory.bytes,
    backendPeak: trainer.backend.memory.peakBytes,
    heap: heapUsed,
    buffers: arrayBuffers,
  };
}

let done = 0;
let early;
let late;
const epochs = Math.ceil(steps / stepsPerEpoch);
const trainer = await Trainer.create(
  rbnet8({ classes: 10, width, size }),
  data,
  { epochs, batch },
  {
    threads: 2,
    onStep() {
      done++;
      if (done === WARM) early = memory();
      if (done === steps) {
        late = memory();
        trainer.requestStop();
      }
    },
  },
);
for await (const _epoch of trainer);
await trainer[Symbol.asyncDispose]();
console.log(JSON.stringify({ steps: done, early, late }));
