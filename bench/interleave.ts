/**
 * Rounds in turn (A B A B ...) and their medians: on a shared machine the speed drifts by tens of percent within minutes, so
 * numbers taken one after the other do not compare.
 */

/** What takes turns: `run(steps)` answers the seconds that the steps took. */
export interface Contestant {
  readonly name: string;
  run(steps: number): Promise<number>;
}

export interface RoundPlan {
  /** Steps before the first round, not counted: compilation, first touch of memory, optimizer state. */
  readonly warmupSteps: number;
  readonly rounds: number;
  readonly steps: number;
}

/** Seconds per step of every round, by contestant. Exactly one contestant works at any time. */
export async function interleave(
  contestants: readonly Contestant[],
  plan: RoundPlan,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const secondsPerStep = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (const contestant of contestants) await contestant.run(plan.warmupSteps);
  for (let round = 0; round < plan.rounds; round++) {
    for (const contestant of contestants) {
      const seconds = await contestant.run(plan.steps);
      secondsPerStep.get(contestant.name)?.push(seconds / plan.steps);
    }
  }
  return secondsPerStep;
}
