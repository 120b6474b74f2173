/** Whether processes that train one network together still have the same one: each updates its own copy, and nobody sends weights. */
import { createHash } from "node:crypto";
import { type Communicator, gatherValues, memberText } from "../cluster/communicator.js";
import { UserError } from "../errors.js";

/** @throws UserError, on all processes, that names the first whose values differ from those of rank 0 */
export async function requireSameWeights(communicator: Communicator, values: ReadonlyMap<string, Float32Array>): Promise<void> {
  if (communicator.size === 1) return;
  const hash = createHash("sha256");
  for (const [name, { buffer, byteOffset, byteLength }] of values)
    hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  const digests = await gatherValues(communicator, hash.digest("hex"));
  const other = digests.findIndex((digest) => digest !== digests[0]);
  if (other < 0) return;
  throw new UserError(
    `the weights of ${memberText(communicator.members[other])} are not those of ${memberText(communicator.members[0])} any more: ` +
      "the two compute differently, or one has faulty memory; the last checkpoint is of before, go on from it without that host",
  );
}
