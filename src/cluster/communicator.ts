/**
 * What processes that train one network together say to one another. All of them make the same calls in the same order; each call ends
 * when all have made it. Whoever trains knows this alone: MPI is behind it, or nobody, where a process is by itself.
 */
import type { OrderedSum, PartShare, SumForm } from "./ordered-sum.js";

/** Of one process of a job. */
export interface Member {
  readonly rank: number;
  readonly host: string;
}

export interface Communicator {
  /** This process, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** All of them, in the order of their ranks. */
  readonly members: readonly Member[];
  /** What every process gives, in the order of their ranks; of as many bytes as it likes. */
  gather(own: Uint8Array): Promise<readonly Uint8Array[]>;
  /** The same in one message, where all give as many numbers. */
  gatherNumbers(own: Float64Array): Promise<readonly Float64Array[]>;
  /** What process `from` gives; the others give nothing. */
  broadcast(from: number, own: Uint8Array | undefined): Promise<Uint8Array>;
  /** Sums over parts that the processes have between them. */
  openSum(form: SumForm, share: PartShare): OrderedSum;
}

/** "rank 3 on node7" */
export function memberText({ rank, host }: Member): string {
  return `rank ${rank} on ${host}`;
}

/** What every process gives, in the order of their ranks, as JSON has it. */
export async function gatherValues<Value>(communicator: Communicator, own: Value): Promise<readonly Value[]> {
  const all = await communicator.gather(new TextEncoder().encode(JSON.stringify(own)));
  return all.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as Value);
}
