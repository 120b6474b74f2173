/**
 * The stages of a network, by the names of its layers: `stage2.unit1` is of stage 2. Model files keep the names
 * (docs/model-file.md), so that a network that was read from one has its stages, too.
 */

/** Number `stage` from 0. What belongs to the stage is named after it, with a dot in between. */
export function stageName(stage: number): string {
  return `stage${stage + 1}`;
}

/**
 * The last of each stage's parts, in the order of the stages. Parts of a stage follow each other; those that are of none (a stem,
 * a classifier) are left out.
 */
export function stageEnds(names: readonly string[]): readonly number[] {
  const stages = names.map((name) => /^stage\d+(?=\.)/.exec(name)?.[0]);
  return stages.flatMap((stage, index) => (stage !== undefined && stages[index + 1] !== stage ? [index] : []));
}
