/** Whether processes that are about to train together are alike: in one job a single one of another version makes all results worthless. */
import { UserError } from "../errors.js";
import { type Communicator, gatherValues, memberText } from "./communicator.js";

/** What is compared, by names that a person understands; the first that differs is named. */
export type Facts = Readonly<Record<string, string | number>>;

/** Of a fact that says all there is to say. */
const SHOWN = 80;

/** @throws UserError, on all processes, that names the first that differs from rank 0, and in what */
export async function requireAlike(communicator: Communicator, own: Facts): Promise<void> {
  if (communicator.size === 1) return;
  const [first, ...others] = await gatherValues(communicator, own);
  for (const [index, facts] of others.entries())
    for (const name of new Set([...Object.keys(first), ...Object.keys(facts)])) {
      if (facts[name] === first[name]) continue;
      const [one, other] = [communicator.members[index + 1], communicator.members[0]].map(memberText);
      throw new UserError(
        `${one} differs from ${other} in ${name}: ${shown(facts[name])}, and ${shown(first[name])}; all processes of a job need the ` +
          "same version of rbnet, the same flags and the same data",
      );
    }
}

function shown(fact: string | number | undefined): string {
  const text = String(fact ?? "none");
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}

/** What all processes have, in the order of rank 0. */
export async function commonTo(communicator: Communicator, own: readonly string[]): Promise<readonly string[]> {
  const all = await gatherValues(communicator, own);
  return (all[0] ?? []).filter((name) => all.every((names) => names.includes(name)));
}
