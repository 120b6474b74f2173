/** A network with random weights as a model file: a teacher whose answers depend on every pixel. */
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { Dataset } from "#rbnet/data/dataset";
import { writeModelFile } from "#rbnet/deploy/model-file";
import { Network } from "#rbnet/networks/network";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { data } from "../tiny-runs.js";

/** @param seed of its weights */
export async function modelFile(
  path: string,
  size: number,
  classes: readonly string[],
  mean: Dataset["mean"] = data.mean,
  seed = 0,
): Promise<void> {
  const backend = createReferenceBackend();
  const description = rbnet8({ classes: classes.length, width: 0.5, size });
  let drawn = seed;
  const random = new Network(backend, description, {
    normal: (count, standardDeviation) =>
      Float32Array.from({ length: count }, () => standardDeviation * Math.sin(++drawn * 12.9898) * 1.4),
  });
  const operations = await random.fold();
  const { standardDeviation } = data;
  await writeModelFile(path, { network: { name: "rbnet8", width: 0.5 }, classes, size, mean, standardDeviation, operations });
}
