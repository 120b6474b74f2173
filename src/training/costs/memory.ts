/** Peak memory of a run, found before it by building its parts on a backend that only counts. */
import { MemoryScope } from "../../backend/scope.js";
import { createCountingBackend } from "../../backend/wasm/counting.js";
import type { LayerSummary } from "../../layers/layer.js";
import type { NetworkDescription } from "../../networks/description.js";
import { Network, type NetworkMemory } from "../../networks/network.js";
import { type NetworkTotals, totalsOf } from "../../networks/summary.js";
import { RuntimeNetwork } from "../../runtime/network.js";
import type { Operation } from "../../runtime/operations.js";
import type { MapShape } from "../../runtime/windows.js";
import { type TrainingSettings, trainingSchema } from "../settings/options.js";
import { Optimizer } from "../stage/optimizer.js";
import { trainingStages } from "../stage/stages.js";
import { TrainingStep } from "../stage/training-step.js";

export interface NetworkSummary {
  readonly rows: readonly LayerSummary[];
  readonly totals: NetworkTotals;
  /** Peak of a training step with Adam at `batch` images, in the stage that takes most. */
  readonly trainingBytes: number;
  /** Peak of the deployed network on one image. */
  readonly inferenceBytes: number;
  readonly batch: number;
}

/** Counts layers, operations and memory of a network without computing anything. `keepEvery`: see NetworkMemory. */
export async function summarizeNetwork(
  description: NetworkDescription,
  batch: number,
  settings: Pick<TrainingSettings, "average" | "epochs" | "stages" | "firstStageEpochs"> & Pick<NetworkMemory, "keepEvery"> = {},
): Promise<NetworkSummary> {
  using backend = createCountingBackend();
  // As the trainer does it, in the same order.
  const network = new Network(backend, description, { normal: (count) => new Float32Array(count) });
  const { average, epochs, stages, firstStageEpochs, keepEvery = 1 } = settings;
  const options = trainingSchema.parse({ batch, average, epochs, stages, firstStageEpochs });
  new Optimizer(backend, network.store, options);
  for (const { weights } of trainingStages(options)) {
    using _stage = new MemoryScope(backend);
    network.bind(batch, { weights, keepEvery });
    new TrainingStep(backend, network, options);
  }
  const rows = network.summary();
  return {
    rows,
    totals: totalsOf(rows),
    trainingBytes: backend.memory.peakBytes,
    inferenceBytes: inferenceMemory(await network.fold(), description.input),
    batch,
  };
}

/** Peak bytes of a deployed network on one image. */
export function inferenceMemory(operations: readonly Operation[], input: MapShape): number {
  using backend = createCountingBackend();
  new RuntimeNetwork(backend, operations, input, 1);
  return backend.memory.peakBytes;
}
