/** What a training runs on where that is left to rbnet: a GPU, where there is one, before the processor. */
import type { Machine } from "./machine.js";

/** A GPU that could be opened. */
interface FoundGpu {
  readonly name: string;
  /** It computes on the processor. */
  readonly isSoftware: boolean;
}

/** The machine, and the GPU that it takes of itself. */
export interface TrainingMachine {
  readonly machine: Machine;
  readonly gpu: string | undefined;
}

/** A GPU is looked for only where it may be taken: by `auto`, of float32. One that computes on the processor is none. */
export async function trainingMachine(machine: Machine, look: () => Promise<FoundGpu | undefined>): Promise<TrainingMachine> {
  if (machine.backend !== "auto" || machine.precision !== "float32") return { machine, gpu: undefined };
  const found = await look();
  if (found === undefined || found.isSoftware) return { machine, gpu: undefined };
  return { machine: { ...machine, backend: "webgpu" }, gpu: found.name };
}
