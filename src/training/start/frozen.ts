/** What of a network stays as its start has it: the setting `freeze`, as layers and parameters. */
import { UserError } from "../../errors.js";
import type { Network } from "../../networks/network.js";
import type { TrainingOptions } from "../settings/options.js";

export interface Frozen {
  /** So many layers from the first on are held: nothing of them changes, running statistics included. */
  readonly layers: number;
  /** Names of the parameters and states that no update changes. */
  readonly names: ReadonlySet<string>;
}

/** @throws UserError where the network has no such part */
export function frozenPart(network: Network, freeze: TrainingOptions["freeze"]): Frozen {
  if (freeze === undefined) return { layers: 0, names: new Set() };
  const { name } = network.description;
  if (freeze === "binary") {
    const latent = network.store.kinds.find(({ kind }) => kind === "latent");
    if (latent === undefined)
      throw new UserError(`${name} has no binary weights that could be frozen; freeze a stage of it, or its body`);
    return { layers: 0, names: new Set(latent.parts.map((part) => part.name)) };
  }
  const ends = network.stageEnds;
  const stage = freeze === "body" ? undefined : Number(freeze.slice("stage".length));
  const end = stage === undefined ? network.layers.length - 2 : ends[stage - 1];
  if (end === undefined)
    throw new UserError(
      `${name} has no ${freeze} that could be frozen; its stages are ${ends.map((_, i) => `stage${i + 1}`).join(", ")}`,
    );
  const held = network.layers.slice(0, end + 1);
  const names = held.flatMap(({ parameters, states }) => [...parameters, ...states].map((declared) => declared.name));
  return { layers: held.length, names: new Set(names) };
}
