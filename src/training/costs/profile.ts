/** Where the time of a training step goes: by kernel and by layer, each beside the least that it can take on this machine. */

import { limitsOf, type MachineLimits } from "../../backend/device.js";
import type { MachineSetup } from "../../backend/machine.js";
import { openBackend } from "../../backend/open.js";
import { type KernelCall, recordingBackend } from "../../backend/recording.js";
import type { Dataset } from "../../data/dataset.js";
import type { NetworkDescription } from "../../networks/description.js";
import { parseTrainingSettings, type TrainingSettings } from "../settings/options.js";
import { Trainer } from "../trainer.js";

/** Mean of a step. */
export interface Cost {
  readonly name: string;
  readonly calls: number;
  readonly milliseconds: number;
  /** Of the whole step, 0 to 1. */
  readonly share: number;
  /**
   * What the arithmetic takes at the machine's best, or the bytes as a copy moves them, whichever is longer; call by call. Tables of sums
   * and caches may do better.
   */
  readonly limitMs: number;
}

export interface Profile {
  readonly backend: string;
  readonly batch: number;
  readonly steps: number;
  readonly stepMs: number;
  readonly limits: MachineLimits;
  /** The costliest first. What is left of a step is spent between kernels: waiting for images, and in JavaScript. */
  readonly kernels: readonly Cost[];
  readonly layers: readonly Cost[];
}

const WARMUP_STEPS = 3;
/** What is no layer's. */
const OUTSIDE = "loss and optimizer";

/** Trains `steps` steps, after a few that are not counted, and keeps nothing of them. */
export async function profileTraining(
  description: NetworkDescription,
  data: Dataset,
  settings: TrainingSettings,
  machine: MachineSetup,
  steps: number,
): Promise<Profile> {
  using backend = await openBackend(machine);
  const limits = await limitsOf(backend);
  const ledgers = { kernels: new Ledger(limits), layers: new Ledger(limits) };
  let layer = OUTSIDE;
  const recording = recordingBackend(backend, (call) => {
    ledgers.kernels.add(call.kernel, call);
    ledgers.layers.add(layer, call);
  });
  let done = 0;
  let start = 0;
  let stepMs = 0;
  const { batch, epochs } = parseTrainingSettings(settings);
  const enough = Math.ceil((WARMUP_STEPS + steps) / Math.max(1, Math.floor(data.train.count / batch)));
  const longer = { ...settings, epochs: Math.max(epochs, enough) };
  // An epoch's end comes now and then where there are few images; its evaluation is no part of a step.
  await using trainer = await Trainer.create(description, { ...data, validation: undefined }, longer, {
    ...machine,
    backend: recording,
    onStep: () => {
      done++;
      if (done === WARMUP_STEPS) {
        for (const ledger of Object.values(ledgers)) ledger.clear();
        start = performance.now();
      }
      if (done === WARMUP_STEPS + steps) {
        stepMs = (performance.now() - start) / steps;
        trainer.requestStop();
      }
    },
  });
  trainer.network.observer = {
    begin: (working, pass) => {
      layer = `${working.summary()[0]?.name ?? "pool"} ${pass}`;
    },
    end: () => {
      layer = OUTSIDE;
    },
  };
  for await (const _epoch of trainer) if (trainer.stopped) break;
  return {
    backend: backend.description,
    batch: trainer.options.batch,
    steps,
    stepMs,
    limits,
    kernels: ledgers.kernels.costs(steps, stepMs),
    layers: ledgers.layers.costs(steps, stepMs),
  };
}

/** Adds up calls under names. */
class Ledger {
  private readonly sums = new Map<string, { calls: number; milliseconds: number; limitMs: number }>();

  constructor(private readonly limits: MachineLimits) {}

  clear(): void {
    this.sums.clear();
  }

  add(name: string, { milliseconds, work }: KernelCall): void {
    const { binaryMacsPerSecond, realMacsPerSecond, signedMacsPerSecond, bytesPerSecond } = this.limits;
    const real = work.realMacs / realMacsPerSecond + work.signedMacs / signedMacsPerSecond;
    const arithmetic = work.binaryMacs / binaryMacsPerSecond + real;
    const sum = this.sums.get(name) ?? { calls: 0, milliseconds: 0, limitMs: 0 };
    sum.calls++;
    sum.milliseconds += milliseconds;
    sum.limitMs += 1_000 * Math.max(arithmetic, work.bytes / bytesPerSecond);
    this.sums.set(name, sum);
  }

  costs(steps: number, stepMs: number): readonly Cost[] {
    const costs = [...this.sums].map(([name, { calls, milliseconds, limitMs }]) => ({
      name,
      calls: calls / steps,
      milliseconds: milliseconds / steps,
      share: milliseconds / steps / stepMs,
      limitMs: limitMs / steps,
    }));
    return costs.sort((one, other) => other.milliseconds - one.milliseconds);
  }
}
