/** Which of the threads that were to start are there, and how that is said. */
import { messageOf } from "../../errors.js";

/**
 * Those up to the first that failed, since thread numbers have no gaps; the others are ended. A thread that cannot start is no error: fewer
 * do the same.
 */
export function firstStarted<Thread>(
  settled: readonly PromiseSettledResult<Thread>[],
  end: (thread: Thread) => void,
): { readonly started: readonly Thread[]; readonly obstacle: string | undefined } {
  const started: Thread[] = [];
  let obstacle: string | undefined;
  for (const result of settled) {
    if (result.status === "rejected") obstacle ??= messageOf(result.reason);
    else if (obstacle === undefined) started.push(result.value);
    else end(result.value);
  }
  return { started, obstacle };
}

/** For people: `1 thread of 4 (more need a page that is cross-origin isolated)`. */
export function describeThreads(count: number, asked: number, obstacle: string | undefined): string {
  const threads = `${count} thread${count === 1 ? "" : "s"}`;
  return count === asked ? threads : `${threads} of ${asked}${obstacle ? ` (${obstacle})` : ""}`;
}
