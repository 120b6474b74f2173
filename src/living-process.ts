/** Whether a process of this machine still runs, by its number. */
import { readFileSync } from "node:fs";
import { codeOf } from "./errors.js";

/** SIGKILL's place in the masks of signals that the kernel shows, in hexadecimal. */
const KILLED = 1n << 8n;

/**
 * Whether another process of this number is alive. In a container a killed process and its successor often have the same.
 *
 * One that has ended has its number for as long as its parent does not ask how: where a launcher has gone first and nobody adopts, as in a
 * container without an init, that is for ever. One that has been killed takes a moment to give its memory back. Neither runs any more.
 */
export function isOtherProcess(number: number): boolean {
  if (number === process.pid) return false;
  try {
    process.kill(number, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
  return !hasEnded(number);
}

/** As far as the system says so (Linux does). */
function hasEnded(number: number): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${number}/status`, "latin1");
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
  const isZombie = /^State:\s*[ZX]/m.test(status);
  const pending = [...status.matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)/gm)];
  return isZombie || pending.some(([, mask]) => (BigInt(`0x${mask}`) & KILLED) !== 0n);
}
