/**
 * Steps on parts of a batch: each part has batch statistics of its own, as on one device of many. Gradients are summed in the order of the
 * parts, and running statistics averaged, so that it makes no difference which process has which part, or whether there are others at all.
 *
 * Gradients and running statistics of each own part lie in the memory of a sum (cluster/ordered-sum.ts) between the steps of an update, and
 * on the device while the part is computed.
 */
import type { Backend } from "../../backend/device.js";
import type { Communicator } from "../../cluster/communicator.js";
import { type OrderedSum, type PartShare, shareOf } from "../../cluster/ordered-sum.js";
import type { Batch, BatchImages } from "../../data/loading/batch-source.js";
import type { Network } from "../../networks/network.js";
import { partImages, type TrainingOptions } from "../settings/options.js";
import { GradientRanges, type Range } from "./gradient-ranges.js";
import type { StepEnd, Steps, Wish } from "./steps.js";
import type { StepTotals, TrainingStep } from "./training-step.js";

/** What outlives a stage of it. */
export interface Exchange {
  readonly communicator: Communicator;
  readonly share: PartShare;
  readonly sum: OrderedSum;
}

export function openExchange(
  communicator: Communicator,
  network: Network,
  { replicas = 1, sumPrecision: precision = "float32" }: TrainingOptions,
): Exchange {
  const { values, states } = network.store;
  const share = shareOf(replicas, communicator.rank, communicator.size);
  const gradients = values.layout.elements;
  const form = { elements: gradients + states.layout.elements, meansFrom: gradients, precision };
  return { communicator, share, sum: communicator.openSum(form, share) };
}

/** What a process says after each step, before the losses and hits of its parts. */
const SAID = { stop: 0, save: 1, seconds: 2, losses: 3 } as const;

export class PartedSteps implements Steps {
  readonly batches: number;
  private readonly ranges: GradientRanges;
  /** Elements of the gradients, behind which lie those of the running statistics. */
  private readonly gradients: number;
  private readonly said: Float64Array;
  /** The next one, among those of this process. */
  private part = 0;
  /** Whether no part has gradients of an earlier step that wait for the update. */
  private isFresh = true;
  /** Running statistics that all parts have after an update. */
  private common: Float32Array = new Float32Array();
  private totals: StepTotals = { lossSum: 0, correct: 0 };
  private restarts = false;

  constructor(
    private readonly backend: Backend,
    private readonly network: Network,
    private readonly options: TrainingOptions,
    private readonly step: TrainingStep,
    private readonly exchange: Exchange,
  ) {
    const { share, communicator } = exchange;
    this.batches = share.end - share.first;
    this.gradients = network.store.values.layout.elements;
    const elements = this.gradients + network.store.states.layout.elements;
    this.ranges = new GradientRanges(network.store, network.layers, elements);
    // As many from each process, so that one message is enough.
    const most = Math.ceil(share.count / communicator.size);
    this.said = new Float64Array(SAID.losses + 2 * most);
  }

  startFrom({ lossSum, correct }: StepTotals): void {
    this.totals = { lossSum, correct };
  }

  restart(): void {
    this.restarts = true;
  }

  async run(batch: Batch<BatchImages>, isDue: boolean): Promise<void> {
    const start = performance.now();
    const { part, step, said, batches } = this;
    await this.takeUp();
    if (this.restarts) for (const state of this.network.states) state.restart();
    step.startFrom({ lossSum: 0, correct: 0 });
    const travels = isDue && part === batches - 1;
    await step.run(batch, travels ? (layer) => this.send(this.ranges.after(layer)) : undefined);
    if (travels) await this.send(this.ranges.rest());
    else if (batches > 1) await this.keep([{ from: 0, end: this.exchange.sum.total.length }]);
    const { lossSum, correct } = await step.totals();
    said[SAID.losses + 2 * part] = lossSum;
    said[SAID.losses + 2 * part + 1] = correct;
    said[SAID.seconds] += (performance.now() - start) / 1000;
    this.part++;
  }

  async end(isDue: boolean, wish: Wish): Promise<StepEnd> {
    const { backend, network, said, gradients } = this;
    const { communicator, share, sum } = this.exchange;
    this.part = 0;
    this.restarts = false;
    this.isFresh = isDue;
    if (isDue) {
      await sum.finish();
      backend.write(network.store.gradients, sum.total.subarray(0, gradients));
      if (sum.total.length > gradients) backend.write(network.store.states.memory, sum.total.subarray(gradients));
    }
    said[SAID.stop] = wish.stop ? 1 : 0;
    said[SAID.save] = wish.save ? 1 : 0;
    const all = await communicator.gatherNumbers(said);
    said.fill(0);
    let { lossSum, correct } = this.totals;
    for (const [rank, one] of all.entries()) {
      const { first, end } = shareOf(share.count, rank, communicator.size);
      for (let part = 0; part < end - first; part++) {
        lossSum += one[SAID.losses + 2 * part];
        correct += one[SAID.losses + 2 * part + 1];
      }
    }
    this.totals = { lossSum, correct };
    // The clock of one process decides when to save.
    const agreed = { stop: all.some((one) => one[SAID.stop] > 0), save: all[0][SAID.save] > 0 };
    const seconds = Math.max(...all.map((one) => one[SAID.seconds]));
    const rank = all.findIndex((one) => one[SAID.seconds] === seconds);
    const slowest = shareOf(share.count, rank, communicator.size);
    const images = (slowest.end - slowest.first) * partImages(this.options);
    return {
      totals: Promise.resolve(this.totals),
      agreed,
      ...(communicator.size === 1 ? {} : { slowest: { rank, seconds, images } }),
    };
  }

  /** Puts on the device what the next part goes on from. */
  private async takeUp(): Promise<void> {
    const { backend, network, part, batches, gradients, isFresh } = this;
    if (batches === 1) return;
    const { gradients: memory, states } = network.store;
    const { own } = this.exchange.sum;
    const hasStates = states.layout.elements > 0;
    if (isFresh && part === 0) {
      if (hasStates) this.common = await backend.read(states.memory);
      return;
    }
    if (isFresh) backend.fill(memory, 0);
    else backend.write(memory, own[part].subarray(0, gradients));
    if (hasStates) backend.write(states.memory, isFresh ? this.common : own[part].subarray(gradients));
  }

  private async send(ranges: readonly Range[]): Promise<void> {
    await this.keep(ranges);
    for (const { from, end } of ranges) this.exchange.sum.add(from, end);
  }

  /** Copies stretches of gradients and running statistics off the device. */
  private async keep(ranges: readonly Range[]): Promise<void> {
    const { backend, network, part, gradients } = this;
    const own = this.exchange.sum.own[part];
    const { gradients: memory, states } = network.store;
    const copy = async (piece: typeof memory, base: number, from: number, end: number): Promise<void> => {
      if (end > from) own.set(await backend.read(backend.view(piece, [end - from], from - base)), from);
    };
    for (const { from, end } of ranges) {
      await copy(memory, 0, from, Math.min(end, gradients));
      await copy(states.memory, gradients, Math.max(from, gradients), end);
    }
  }
}
