/**
 * Threads of the runtime's pool in Node: the code that a page's workers run, which comes along as text, so that no file has to be found.
 */
import { Worker } from "node:worker_threads";
import type { Threads } from "../backend/wasm/embedded.js";
import { firstStarted } from "../backend/wasm/started-threads.js";
import { THREAD_CODE } from "../backend/wasm/thread-code.js";
import type { ThreadStart } from "../backend/wasm/web-thread.js";

/** What a page's worker has and a thread of Node lacks. */
const PRELUDE = `const { parentPort } = require("node:worker_threads");
globalThis.postMessage = (message) => parentPort.postMessage(message);
globalThis.addEventListener = (type, listen) => parentPort.on(type, (data) => listen({ data }));
`;

export async function startNodeThreads(starts: readonly ThreadStart[]): Promise<Threads> {
  const { started, obstacle } = firstStarted(await Promise.allSettled(starts.map(startThread)), endThread);
  return { started: started.length, obstacle, end: () => started.forEach(endThread) };
}

function endThread(worker: Worker): void {
  void worker.terminate();
}

function startThread(start: ThreadStart): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(PRELUDE + THREAD_CODE, { eval: true });
    worker.once("error", reject);
    worker.once("message", () => {
      worker.unref();
      resolve(worker);
    });
    worker.postMessage(start);
  });
}
