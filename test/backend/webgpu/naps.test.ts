/** Waiting for a GPU in software leaves the processor to it. */
import { afterEach, expect, it, vi } from "vitest";
import { napUntil } from "#rbnet/backend/webgpu/naps";

/** How often Node's loop turns in some milliseconds, while something else keeps it going. */
async function turnsIn(milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let turns = 0;
  while (performance.now() < end) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  return turns;
}

afterEach(() => vi.restoreAllMocks());

/** Turns in a tenth of a second are at most this many where each sleeps half a millisecond, however busy the machine is. */
const MOST_WITH_NAPS = 201;

/** Whether there are ever more, on a machine that is busy at times. */
async function turnsFreely(): Promise<boolean> {
  for (let i = 0; i < 50; i++) if ((await turnsIn(100)) > MOST_WITH_NAPS) return true;
  return false;
}

it("sleeps while something is waited for, and not after", async () => {
  const waits = [1, 2].map(() => napUntil(new Promise((resolve) => setTimeout(resolve, 300, "done"))));
  expect(await turnsIn(100)).toBeLessThanOrEqual(MOST_WITH_NAPS);
  expect(await Promise.all(waits)).toEqual(["done", "done"]);
  expect(await turnsFreely()).toBe(true);
});

it("sleeps once a turn, whatever was waited for before", async () => {
  for (let i = 0; i < 50; i++) await napUntil(Promise.resolve());
  const sleeps = vi.spyOn(Atomics, "wait");
  const wait = napUntil(new Promise((resolve) => setTimeout(resolve, 150)));
  const turns = await turnsIn(100);
  expect(sleeps.mock.calls.length).toBeGreaterThan(0);
  expect(sleeps.mock.calls.length).toBeLessThanOrEqual(turns + 1);
  await wait;
});

it("passes failures on, and sleeps no more", async () => {
  await expect(napUntil(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
  expect(await turnsFreely()).toBe(true);
});
