/** What a study will cost before it is run: operations and size of each row, and its time on this machine, measured by a few steps. */
import { type MachineSetup, machineOf } from "../backend/machine.js";
import type { Dataset } from "../data/dataset.js";
import { estimateRun } from "../training/costs/estimate.js";
import { summarizeNetwork } from "../training/costs/memory.js";
import type { StatedRun } from "./study.js";

export interface RowEstimate {
  readonly name: string;
  readonly network: string;
  readonly width: number;
  readonly runs: { readonly planned: number; readonly finished: number };
  readonly ops: number;
  readonly binaryMacs: number;
  readonly realMacs: number;
  readonly packedBytes: number;
  readonly trainingBytes: number;
  /** Of each stage. */
  readonly stepMs: readonly number[];
  readonly secondsARun: number;
  /** Of all runs that are not finished, one under way counted whole. */
  readonly secondsLeft: number;
}

/** Row by row, as they are measured. */
export async function* estimateStudy(
  states: readonly StatedRun[],
  data: Dataset,
  machine: MachineSetup = {},
): AsyncGenerator<RowEstimate> {
  const { keepEvery } = machineOf(machine);
  for (const row of new Set(states.map(({ run }) => run.row))) {
    const own = states.filter(({ run }) => run.row === row);
    const [first] = own;
    if (first === undefined) continue;
    const { description, options } = first.run;
    const { totals, trainingBytes } = await summarizeNetwork(description, options.batch, { ...options, keepEvery });
    const { ops, binaryMacs, realMacs, packedBytes } = totals;
    const { stepMs, seconds: secondsARun } = await estimateRun(description, data, options, machine);
    const finished = own.filter(({ state }) => state.kind === "finished").length;
    yield {
      name: row.name,
      network: row.network,
      width: row.width,
      runs: { planned: own.length, finished },
      ops,
      binaryMacs,
      realMacs,
      packedBytes,
      trainingBytes,
      stepMs,
      secondsARun,
      secondsLeft: (own.length - finished) * secondsARun,
    };
  }
}
