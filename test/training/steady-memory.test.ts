/** A step makes no garbage that stays: after hundreds of steps there is as much memory in use as after ten. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

interface Memory {
  readonly backend: number;
  readonly backendPeak: number;
  readonly heap: number;
  readonly buffers: number;
}

it("uses as much memory after 300 steps as after 10", { timeout: 60_000 }, () => {
  const program = fileURLToPath(new URL("steady-run.mjs", import.meta.url));
  const said = execFileSync(process.execPath, ["--expose-gc", program, "300"], { encoding: "utf8" });
  const { steps, early, late } = JSON.parse(said) as { steps: number; early: Memory; late: Memory };
  expect(steps).toBe(300);
  expect([late.backend, late.backendPeak]).toEqual([early.backend, early.backendPeak]);
  // What remains is compiled code and the like, under 1 MB for any number of steps. A batch is 25 kB: 290 that are kept would be 7 MB.
  expect(late.buffers - early.buffers).toBeLessThan(200e3);
  expect(late.heap - early.heap).toBeLessThan(1e6);
});
