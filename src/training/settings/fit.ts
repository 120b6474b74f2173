/** Whether a network, data and settings go together: found out before anything is loaded. */
import type { Dataset } from "../../data/dataset.js";
import { UserError } from "../../errors.js";
import type { NetworkDescription } from "../../networks/description.js";
import { checkStages } from "../stage/stages.js";
import type { TrainingOptions } from "./options.js";

/** @throws UserError that says what does not fit what */
export function checkFit(description: NetworkDescription, data: Dataset, options: TrainingOptions): void {
  const { batch } = options;
  checkStages(description, options);
  const { input, classes } = description;
  if (classes !== data.classes.length)
    throw new UserError(
      `the network has ${classes} classes, the data ${data.classes.length}; build the network for the data's classes`,
    );
  if (input.height !== data.size || input.width !== data.size)
    throw new UserError(
      `the network takes ${input.width} x ${input.height} images, the data are ${data.size} x ${data.size}; open the ` +
        "data with the network's size",
    );
  if (batch > data.train.count)
    throw new UserError(`the batch of ${batch} is larger than the ${data.train.count} training images; use a smaller batch`);
}

/** @throws UserError where there are more processes than parts of a batch, or parts have nothing to sum */
export function checkRanks({ batch, replicas = 1, sumPrecision }: TrainingOptions, ranks: number): void {
  if (replicas === 1 && sumPrecision !== undefined)
    throw new UserError(
      `sums of gradients were to be in ${sumPrecision}, but a batch of one part has none; give it parts by --replicas, or leave it out`,
    );
  if (ranks > replicas)
    throw new UserError(
      `${ranks} processes have been started, but a batch has ${replicas === 1 ? "one part" : `${replicas} parts`} only; start at most ` +
        `${replicas}, or give a new run --replicas ${ranks}, in a batch that is a multiple of it (now ${batch})`,
    );
}
