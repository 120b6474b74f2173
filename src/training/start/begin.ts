/** Puts a start's values in the place of a network's random ones; its classifier where the classes are the same, else a new one. */
import type { Backend } from "../../backend/device.js";
import type { Dataset } from "../../data/dataset.js";
import { UserError } from "../../errors.js";
import { type NamedMemory, readParts, writeParts } from "../../layers/parameters.js";
import type { Network } from "../../networks/network.js";
import { structuralDifference, unfold } from "../../networks/unfold.js";
import { productStatistics } from "./product-statistics.js";
import { type CheckpointStart, keepsClassifier, type ModelStart, type Start } from "./start.js";

const CLASSIFIER = /^classifier\./;

/**
 * @param seed decides which images the statistics of a model's products are taken of
 * @throws UserError where the start has not all that the network has, or something else
 */
export async function beginFrom(
  start: Start,
  { backend, network, data, seed }: { backend: Backend; network: Network; data: Dataset; seed: number },
): Promise<void> {
  const { values, states } = network.store;
  const found =
    start.kind === "checkpoint" ? valuesOf(start, [values, states]) : await unfolded(start, backend, network, data, seed);
  const keeps = keepsClassifier(start, data);
  const wanted = new Map([...found].filter(([name]) => keeps || !CLASSIFIER.test(name)));
  const parts = [values, states].flatMap(({ layout }) => layout.parts);
  const missing = parts.find(({ name }) => !wanted.has(name) && (keeps || !CLASSIFIER.test(name)));
  const unfit = [...(await writeParts(backend, values, wanted)), ...(await writeParts(backend, states, wanted))];
  const wrong = missing?.name ?? unfit[0];
  if (wrong !== undefined)
    throw new UserError(
      `the start ${start.from} does not fit the network ${network.description.name}: its ${wrong} is missing or of another ` +
        "shape; train the network of the start",
    );
}

/** What shipped where averages were kept, else the last values. */
function valuesOf({ tensors }: CheckpointStart, pieces: readonly NamedMemory[]): ReadonlyMap<string, Float32Array> {
  const found = new Map<string, Float32Array>();
  for (const { layout } of pieces)
    for (const { name } of layout.parts) {
      const stored = tensors.get(`${name}.average`) ?? tensors.get(name);
      if (stored?.data instanceof Float32Array) found.set(name, stored.data);
    }
  return found;
}

async function unfolded(
  { model, from }: ModelStart,
  backend: Backend,
  network: Network,
  data: Dataset,
  seed: number,
): Promise<ReadonlyMap<string, Float32Array>> {
  const own = await network.fold();
  const difference = structuralDifference(model.operations, own);
  if (difference !== undefined)
    throw new UserError(
      `the start ${from} cannot be unfolded into ${network.description.name}: where the model has ${difference.there}, the ` +
        `network has ${difference.own}; train the network that the model was made of`,
    );
  const values = new Map(unfold(model.operations, await productStatistics(backend, model, data.train, seed)));
  const { kinds } = network.store;
  const latent = new Set(kinds.find(({ kind }) => kind === "latent")?.parts.map(({ name }) => name));
  const initial = await readParts(backend, [network.store.values], ({ name }) => latent.has(name));
  for (const [name, magnitudes] of initial) {
    const signs = values.get(name);
    if (signs?.length !== magnitudes.length) continue;
    values.set(
      name,
      signs.map((sign, i) => sign * Math.abs(magnitudes[i] as number)),
    );
  }
  return values;
}
