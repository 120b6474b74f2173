/** A command as one of a job of several processes, where a launcher such as mpirun has started it so; by itself otherwise. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { type Job, joinJob } from "../cluster/job.js";
import { launchedJob } from "../cluster/launched.js";
import { threadsHere } from "../cluster/threads.js";
import { exitCodeOf, sentenceOf } from "./exit-code.js";
import { beSilent, tell } from "./output.js";

/** Runs a command, for which rank 0 alone speaks. */
export async function inJob(act: (job: Job) => Promise<void>): Promise<void> {
  if ((launchedJob(process.env)?.rank ?? 0) > 0) beSilent();
  const job = await joinJob();
  if (job.size === 1) return act(job);
  if (job.rank > 0) beSilent();
  try {
    await act(job);
    await job.leave();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    await job.fail(sentenceOf(error), Number(process.exitCode));
  }
}

/**
 * The threads of this process: those that the flag names, else its part of the host's cores.
 *
 * @param command whose flags tell whether somebody has named them
 */
export async function threadsFor(job: Job, flags: { readonly threads: number }, command: Command): Promise<number> {
  if (job.size === 1) return flags.threads;
  const given = command.getOptionValueSource("threads") === "default" ? undefined : flags.threads;
  const { threads, crowded } = await threadsHere(job, availableParallelism(), given);
  for (const { host, ranks, wanted, cores } of crowded)
    tell(`${ranks} ranks on ${host} have ${wanted} threads for ${cores} cores; fewer are faster: leave --threads out`);
  return threads;
}
