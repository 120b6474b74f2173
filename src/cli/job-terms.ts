/** What the processes of a job agree on before the first step: that they are alike, and which instructions all of them have. */
import { createHash } from "node:crypto";
import { type Machine, type MachineSetup, machineOf } from "../backend/machine.js";
import { instructionSets } from "../backend/native/accelerator.js";
import { chooseBackend } from "../backend/open.js";
import { commonTo, requireAlike } from "../cluster/alike.js";
import type { Job } from "../cluster/job.js";
import type { Dataset } from "../data/dataset.js";
import { UserError } from "../errors.js";
import type { NetworkDescription } from "../networks/description.js";
import { packageVersion } from "../package-version.js";
import { encodeModel, type Model } from "../runtime/model.js";
import type { EvaluationData } from "../training/evaluation-data.js";
import { dataFacts, listFacts } from "../training/job-facts.js";
import type { TrainingOptions } from "../training/settings/options.js";
import { tell } from "./output.js";

/** @throws UserError, on all processes, where one is not like the others */
export async function requireAlikeForTraining(
  job: Job,
  description: NetworkDescription,
  data: Dataset,
  settings: TrainingOptions,
): Promise<void> {
  if (job.size === 1) return;
  await requireAlike(job, {
    ...programFacts(),
    network: JSON.stringify(description),
    "settings of the training": JSON.stringify(settings),
    ...dataFacts(data),
  });
}

/** @throws UserError, on all processes, where one is not like the others */
export async function requireAlikeForEvaluation(job: Job, model: Model, { name, part, set }: EvaluationData): Promise<void> {
  if (job.size === 1) return;
  const digest = createHash("sha256").update(encodeModel(model)).digest("hex");
  await requireAlike(job, {
    ...programFacts(),
    "the model": digest.slice(0, 12),
    "name of the data": name,
    ...listFacts(part, set),
  });
}

/** What decides bits besides network, settings and data. Engines differ in the last bit of a cosine. */
function programFacts(): Readonly<Record<string, string>> {
  return {
    "the version of rbnet": packageVersion(),
    "the version of Node": process.versions.node,
    "the kind of processor": process.arch,
  };
}

/**
 * The machine of the flags, with the best instructions that all processes have, so that all compute the same bits.
 *
 * @throws UserError, on all processes, where they have none in common that the flags allow
 */
export async function agreedMachine(job: Job, flags: MachineSetup): Promise<Machine> {
  const machine = machineOf(flags);
  if (job.size === 1) return machine;
  await requireAlike(job, { "--backend": machine.backend, "--precision": machine.precision, "--keep-every": machine.keepEvery });
  const { name } = chooseBackend(machine);
  const own = name === "native" ? instructionSets(machine.precision) : [];
  const common = await commonTo(job, own);
  const isShared = (await commonTo(job, [name])).length > 0;
  if (common.length > 0) {
    if (common[0] !== own[0]) tell(`not all ranks have ${own[0]}: all use ${common[0]}`);
    return { ...machine, instructionSets: common };
  }
  if (isShared && name !== "native") return machine;
  if (machine.backend !== "auto" || machine.precision !== "float32")
    throw new UserError("the ranks have no instruction set of the accelerator in common; use --backend wasm --precision float32");
  tell("not all ranks have the accelerator, or one instruction set in common: all use WebAssembly");
  return { ...machine, backend: "wasm" };
}
