/**
 * Dawn's package asks the GPU in every turn of Node's loop whether it is done, without a pause. Where the processor plays the GPU, that
 * takes a core from it: there, the loop sleeps in each turn once something has been waited for longer than a small result takes. On a
 * busy machine a sleeper is late, so that whoever reads many small results must not sleep.
 */

const [PATIENCE_MILLISECONDS, NAP_MILLISECONDS] = [3, 0.5];
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

let waited = 0;
let since = 0;
/** One turn's sleep is ahead: results that come one after the other have it together. */
let isAhead = false;

/** The same result; until it is there, Node's loop sleeps in each turn, after a moment of patience. */
export async function napUntil<T>(result: Promise<T>): Promise<T> {
  if (waited++ === 0) since = performance.now();
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
  if (performance.now() - since > PATIENCE_MILLISECONDS) Atomics.wait(NEVER_WOKEN, 0, 0, NAP_MILLISECONDS);
  setImmediate(nap);
}
