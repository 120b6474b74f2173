/**
 * What this machine can do at best from WebAssembly: arithmetic on registers only, and copies of more memory than its caches hold. A share
 * of these limits says how much is left to gain, where a ratio to a peer does not.
 */
import { join } from "node:path";
import { z } from "zod";
import { LineProcess } from "../line-process.js";
import { repository } from "../versions.js";

const Limits = z.object({
  /** Float32 multiply-accumulates a second, four a SIMD instruction, fused where the engine has relaxed SIMD. */
  realMacsPerSecond: z.number().positive(),
  /** Binary multiply-accumulates a second, by the faster of byte popcount and nibble tables. */
  binaryMacsPerSecond: z.number().positive(),
  /** Bytes read and bytes written a second, added up, by a copy. */
  bytesPerSecond: z.number().positive(),
});

/** Rates of `threads` threads that work at the same time, added up. */
export type MachineLimits = z.infer<typeof Limits>;

/** Measures for a few seconds, in a process of its own. Nothing else should run meanwhile. */
export async function machineLimits(threads: number): Promise<MachineLimits> {
  const script = join(repository, "dist-bench", "limits", "limits-child.js");
  const child = new LineProcess("the measurement of the machine's limits", {
    program: process.execPath,
    arguments: [script, String(threads)],
  });
  const limits = Limits.parse(await child.next());
  await child.quit();
  return limits;
}
