/** A model of every kind of operation, small enough for any test: grids and blocks, shortcuts with and without a projection. */
import type { Backend } from "#rbnet/backend/device";
import { Random } from "#rbnet/data/random";
import { grid } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { rbnet8 } from "#rbnet/networks/rbnet";
import type { Model } from "#rbnet/runtime/model";

export const SIZE = 16;
export const CLASSES = ["cat", "dog", "crème brûlée"];

/**
 * `pooled`: with a max pool and an RPReLU, which RB-Nets have not. Values are not those of the start, so that no two of them can
 * be exchanged unseen. The backend's memory is as it was before.
 */
export async function smallModel(backend: Backend, { pooled = false } = {}): Promise<Model> {
  const mark = backend.mark();
  const random = new Random(4);
  const plain = rbnet8({ classes: CLASSES.length, width: 0.5, size: SIZE });
  const stem = plain.stem.map((layer) => ({ ...layer, activation: "rprelu", maxPool: grid(3, 2) }) as const);
  const network = new Network(backend, pooled ? { ...plain, stem } : plain, {
    normal: (count, standardDeviation) => Float32Array.from({ length: count }, () => standardDeviation * random.normal()),
  });
  for (const { value } of [...network.parameters, ...network.states]) {
    const values = await backend.read(value);
    backend.write(
      value,
      Float32Array.from(values, (old) => old + 0.1 * random.uniform()),
    );
  }
  const operations = await network.fold();
  backend.release(mark);
  return {
    network: { name: "rbnet8", width: 0.5 },
    classes: CLASSES,
    size: SIZE,
    mean: [0.1, 0.2, 0.3],
    standardDeviation: [0.4, 0.5, 0.6],
    operations,
  };
}
