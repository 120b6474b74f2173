/** Numbers as people read them: three significant digits and a unit, the same on the command line and in the report. */

const COUNT_UNITS = ["", " K", " M", " G", " T"] as const;
const BYTE_UNITS = [" B", " KB", " MB", " GB", " TB"] as const;

/** Largest power of a thousand below `value`, and what is left of it. */
function scaled(value: number, units: readonly string[]): string {
  let rest = value;
  let power = 0;
  // 999.5 would be printed as 1000.
  while (Math.abs(rest) >= 999.5 && power < units.length - 1) {
    rest /= 1000;
    power++;
  }
  return `${digits(rest, power)}${units[power] ?? ""}`;
}

function digits(value: number, power: number): string {
  if (power === 0) return Number.isInteger(value) ? String(value) : value.toFixed(1);
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** 1_676_279_808 -> "1.68 G" */
export function formatCount(value: number): string {
  return scaled(value, COUNT_UNITS);
}

/** Decimal units, as disks and downloads count: 338_984 -> "339 KB" */
export function formatBytes(value: number): string {
  return scaled(value, BYTE_UNITS);
}

/** 0.8713 -> "87.1 %" */
export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** 3_725 -> "1 h 02 min" */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "unknown";
  const whole = Math.round(seconds);
  if (whole < 60) return `${seconds < 10 ? seconds.toFixed(1) : whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** 12345.6 -> "12,346" */
export function formatInteger(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
