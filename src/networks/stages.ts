/** The stages of a network, by the names of its layers: `stage2.unit1.…` is of stage 2. */

/** The last of each stage's parts, in the order of the stages. Parts of a stage follow each other; those that are of none (a stem, a classifier) are left out. */
export function stageEnds(names: readonly string[]): readonly number[] {
  const stages = names.map((name) => /^stage\d+(?=\.)/.exec(name)?.[0]);
  return stages.flatMap((stage, index) => (stage !== undefined && stages[index + 1] !== stage ? [index] : []));
}
