/**
 * One rank of `npm run bench -- cluster`: times sums of gradients, or training steps, and rank 0 prints one line of JSON.
 *
 *   node ours-cluster.js sums <rounds> <bytes,bytes,...>
 *   node ours-cluster.js steps <steps> <parts>
 */
import { gatherValues } from "#rbnet/cluster/communicator";
import { type Job, joinJob } from "#rbnet/cluster/job";
import { shareOf } from "#rbnet/cluster/ordered-sum";
import { shapes } from "#rbnet/data/shapes/shapes";
import { rbnet20 } from "#rbnet/networks/rbnet";
import { median } from "#rbnet/quantile";
import { Trainer } from "#rbnet/training/trainer";

/** Of a sum, and of a training step. */
export interface SumTime {
  readonly bytes: number;
  readonly seconds: number;
}

export interface StepTime {
  readonly stepSeconds: number;
  /** Of the rank that computes longest. */
  readonly busySeconds: number;
  /** What a rank sends, and as much is what it receives. */
  readonly bytesSent: number;
}

const BATCH = 64;
const WARMUP_STEPS = 2;

const [what, count = "", list = ""] = process.argv.slice(2);
const job = await joinJob();
const result = what === "sums" ? await timeSums(job, Number(count), list.split(",").map(Number)) : await timeSteps(job);
if (job.rank === 0) process.stdout.write(`${JSON.stringify(result)}\n`);
await job.leave();

/** As one part a rank: each round all ranks begin together, and the slowest counts. */
async function timeSums(communicator: Job, rounds: number, sizes: readonly number[]): Promise<readonly SumTime[]> {
  const { rank, size } = communicator;
  const largest = Math.max(...sizes) / 4;
  const sum = communicator.openSum({ elements: largest, meansFrom: largest, precision: "float32" }, shareOf(size, rank, size));
  const times: SumTime[] = [];
  for (const bytes of sizes) {
    const seconds: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      await gatherValues(communicator, round);
      const start = performance.now();
      sum.add(0, bytes / 4);
      await sum.finish();
      seconds.push(Math.max(...(await gatherValues(communicator, (performance.now() - start) / 1000))));
    }
    times.push({ bytes, seconds: median(seconds.slice(1)) });
  }
  return times;
}

async function timeSteps(communicator: Job): Promise<StepTime> {
  const [steps, parts] = [Number(count), Number(list)];
  const data = {
    ...shapes({ train: BATCH * (steps + WARMUP_STEPS + 2), validation: 0, test: 0, size: 32 }),
    validation: undefined,
  };
  const [walls, busy]: [number[], number[]] = [[], []];
  let last = performance.now();
  await using trainer = await Trainer.create(
    rbnet20({ classes: 10 }),
    data,
    { epochs: 1, batch: BATCH, replicas: parts },
    {
      threads: 1,
      communicator,
      onStep({ slowest }) {
        const now = performance.now();
        walls.push((now - last) / 1000);
        if (slowest !== undefined) busy.push(imagesOf(communicator, slowest.rank, parts) / slowest.imagesPerSecond);
        last = now;
      },
    },
  );
  for await (const _epoch of trainer);
  const stepSeconds = median(walls.slice(WARMUP_STEPS));
  const { size } = communicator;
  const elements = trainer.network.store.values.layout.elements + trainer.network.store.states.layout.elements;
  // Each rank sends what others sum of its parts, and the sums that are its own to all others.
  const bytesSent = 4 * elements * ((parts / size) * (1 - 1 / size) + (size - 1) / size);
  return { stepSeconds, busySeconds: busy.length === 0 ? stepSeconds : median(busy.slice(WARMUP_STEPS)), bytesSent };
}

function imagesOf({ size }: Job, rank: number, parts: number): number {
  const { first, end } = shareOf(parts, rank, size);
  return ((end - first) * BATCH) / parts;
}
