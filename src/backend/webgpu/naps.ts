/**
 * Dawn's package asks the GPU in every turn of Node's loop whether it is done, without a pause. Where the processor plays the GPU, that
 * takes a core from it: there, the loop sleeps in each turn for as long as anything is waited for.
 */

/** Less than what a step of the smallest network takes there. */
const MILLISECONDS = 0.5;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

let waited = 0;

/** The same result; until it is there, Node's loop sleeps in each turn. */
export async function napUntil<T>(result: Promise<T>): Promise<T> {
  if (waited++ === 0) setImmediate(nap);
  try {
    return await result;
  } finally {
    waited--;
  }
}

function nap(): void {
  if (waited === 0) return;
  Atomics.wait(NEVER_WOKEN, 0, 0, MILLISECONDS);
  setImmediate(nap);
}
