/** This process's memory as Linux counts it, as bench/peers/process_memory.py does for the peers. */
import { readFileSync, writeFileSync } from "node:fs";

/** The value in bytes of a field of /proc/self/status: VmRSS (resident now) or VmHWM (its peak). */
export function statusBytes(field: "VmRSS" | "VmHWM"): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  if (match === null) throw new Error(`/proc/self/status has no ${field}`);
  return Number(match[1]) * 1_024;
}

/** Makes VmHWM start again from the memory resident now, so that loading libraries does not count. */
export function resetPeak(): void {
  writeFileSync("/proc/self/clear_refs", "5");
}
