/**
 * Dawn's package asks the GPU in every turn of Node's loop whether it is done, without a pause. Where the processor plays the GPU, that
 * takes a core from it: there, the loop sleeps in each turn for as long as anything is waited for.
 */

/** Little beside a step there, which takes tens of them (docs/gpu.md). */
const MILLISECONDS = 0.5;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

let waited = 0;
/** One turn's sleep is ahead: results that come one after the other have it together. */
let isAhead = false;

/** The same result; until it is there, Node's loop sleeps in each turn. */
export async function napUntil<T>(result: Promise<T>): Promise<T> {
  waited++;
  if (!isAhead) setImmediate(nap);
  isAhead = true;
  try {
    return await result;
  } finally {
    waited--;
  }
}

function nap(): void {
  isAhead = waited > 0;
  if (!isAhead) return;
  Atomics.wait(NEVER_WOKEN, 0, 0, MILLISECONDS);
  setImmediate(nap);
}
