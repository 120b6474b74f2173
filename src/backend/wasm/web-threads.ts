/**
 * Threads of the pool in a page or in a worker of one. Their code comes along as text and is started from a blob, so that no second file
 * has to be found; where a policy forbids blobs, from the file that lies beside this one. Whatever keeps them from starting means fewer
 * threads and never an error: the calling thread can do it all.
 */
import { messageOf } from "../../errors.js";
import type { Threads } from "./embedded.js";
import { firstStarted } from "./started-threads.js";
import { THREAD_CODE } from "./thread-code.js";
import type { ThreadStart } from "./web-thread.js";

/** A worker that has not answered by then will not: its file hangs, or the device has no room for it. */
const PATIENCE_MS = 5000;

export async function startWebThreads(starts: readonly ThreadStart[]): Promise<Threads> {
  const none = (obstacle: string): Threads => ({ started: 0, obstacle, end: () => undefined });
  if (globalThis.crossOriginIsolated !== true) return none("more need a page that is cross-origin isolated");
  if (typeof Worker !== "function") return none("there are no workers here");
  const [first, ...others] = starts;
  if (first === undefined) return none("");
  let obstacle = "";
  for (const open of [fromBlob, fromFile]) {
    try {
      const worker = await startThread(open, first);
      return joined(worker, await Promise.allSettled(others.map((start) => startThread(open, start))));
    } catch (error) {
      obstacle = messageOf(error);
    }
  }
  return none(obstacle);
}

function joined(first: Worker, settled: readonly PromiseSettledResult<Worker>[]): Threads {
  const { started, obstacle } = firstStarted(settled, endWorker);
  const workers = [first, ...started];
  return { started: workers.length, obstacle, end: () => workers.forEach(endWorker) };
}

function endWorker(worker: Worker): void {
  worker.terminate();
}

function fromBlob(): Worker {
  const address = URL.createObjectURL(new Blob([THREAD_CODE], { type: "text/javascript" }));
  // The code is fetched after this returns, but from what the address stood for when it was called.
  try {
    return new Worker(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

function fromFile(): Worker {
  // Written out in this form, bundlers find the worker and bundle it too.
  return new Worker(new URL("./web-thread.js", import.meta.url), { type: "module" });
}

function startThread(open: () => Worker, start: ThreadStart): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = open();
    const fail = (reason: string): void => {
      clearTimeout(timer);
      worker.terminate();
      reject(new Error(reason));
    };
    const timer = setTimeout(() => fail("a worker does not answer"), PATIENCE_MS);
    worker.onerror = (event) => {
      event.preventDefault();
      fail("a worker cannot be started here");
    };
    worker.onmessage = () => {
      clearTimeout(timer);
      worker.onmessage = null;
      resolve(worker);
    };
    worker.postMessage(start);
  });
}
