/** Prints a profile of training steps. */

import { formatCount, formatInteger, formatShare } from "../quantities.js";
import type { Cost, Profile } from "../training/costs/profile.js";
import { bold, dim, milliseconds, print, printTable } from "./output.js";

export function printProfile({ backend, batch, steps, stepMs, limits, kernels, layers }: Profile): void {
  const inKernels = kernels.reduce((sum, cost) => sum + cost.milliseconds, 0);
  print(
    `${bold(`${milliseconds(stepMs)} ms a step`)} of ${batch} images, ${formatInteger((1_000 * batch) / stepMs)} ` +
      `images/s, ${backend}; mean of ${steps} steps\n`,
  );
  printCosts("kernel", kernels);
  print(
    `\n${milliseconds(stepMs - inKernels)} ms (${formatShare(1 - inKernels / stepMs)}) between kernels: waiting ` +
      "for images, and in JavaScript\n",
  );
  printCosts("layer", layers);
  print(
    dim(
      `\nThe limit is the arithmetic at this machine's best (${formatCount(limits.binaryMacsPerSecond)} binary, ` +
        `${formatCount(limits.realMacsPerSecond)} real multiply-accumulates a second, ` +
        `${formatCount(limits.signedMacsPerSecond)} of floats with signs) or the bytes as a copy moves them ` +
        `(${formatCount(limits.bytesPerSecond)}B/s), whichever is longer.`,
    ),
  );
}

function printCosts(what: string, costs: readonly Cost[]): void {
  printTable(
    [what, "calls", "ms", "share", "limit ms", "of the limit"],
    costs.map(({ name, calls, milliseconds: time, share, limitMs }) => [
      name,
      String(Math.round(calls)),
      milliseconds(time),
      formatShare(share),
      milliseconds(limitMs),
      formatShare(limitMs / time),
    ]),
    1,
  );
}
