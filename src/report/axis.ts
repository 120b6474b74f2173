/** Scales of a chart: where values lie, and the round values at which lines are drawn. */

export interface Axis {
  /** Position of a value, 0 at the start of the axis and 1 at its end. */
  place(value: number): number;
  readonly ticks: readonly number[];
}

/** Round steps of 1, 2 or 5 times a power of ten, about `count` of them, covering from..to. */
export function linearAxis(from: number, to: number, count = 4): Axis {
  const range = to - from || Math.abs(to) || 1;
  const step = roundStep(range / count);
  const start = Math.floor(from / step + 1e-9) * step;
  const end = Math.max(Math.ceil(to / step - 1e-9) * step, start + step);
  const ticks: number[] = [];
  // Multiples are rounded so that 0.30000000000000004 is printed as 0.3.
  for (let index = 0; start + index * step <= end + step / 2; index++) ticks.push(Number((start + index * step).toPrecision(12)));
  return { place: (value) => (value - start) / (end - start), ticks };
}

/** Powers of ten, covering from..to; both above 0. */
export function logarithmicAxis(from: number, to: number): Axis {
  const start = Math.floor(Math.log10(from) + 1e-9);
  const end = Math.max(Math.ceil(Math.log10(to) - 1e-9), start + 1);
  const ticks = Array.from({ length: end - start + 1 }, (_, index) => Number(`1e${start + index}`));
  return { place: (value) => (Math.log10(value) - start) / (end - start), ticks };
}

/**
 * Logarithmic, ending a little beyond from..to (both above 0), which may lie close together: ticks at 1, 2 and 5, or nearer, or at powers
 * of ten.
 */
export function closeLogarithmicAxis(from: number, to: number): Axis {
  const margin = Math.max(0.1 * Math.log10(to / from), 0.06);
  const [start, end] = [Math.log10(from) - margin, Math.log10(to) + margin];
  const place = (value: number): number => (Math.log10(value) - start) / (end - start);
  const inside = (tick: number): boolean => place(tick) >= 0 && place(tick) <= 1;
  const [low, high] = [10 ** start, 10 ** end];
  // Within a factor of six or so, 1, 2 and 5 would be one tick or two.
  if (end - start < 0.8) return { place, ticks: linearAxis(low, high, 5).ticks.filter(inside) };
  const factors = end - start < 3 ? [1, 2, 5] : [1];
  const powers = Array.from({ length: Math.ceil(end) - Math.floor(start) }, (_, index) => Math.floor(start) + index);
  const ticks = powers.flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`)));
  return { place, ticks: ticks.filter(inside) };
}

/** Epochs 1..last with whole numbers for ticks. */
export function epochAxis(last: number): Axis {
  const step = Math.max(1, Math.round(roundStep(last / 5)));
  const ticks = [1];
  for (let epoch = step; epoch <= last; epoch += step) if (epoch > 1) ticks.push(epoch);
  return { place: (epoch) => (last === 1 ? 0.5 : (epoch - 1) / (last - 1)), ticks };
}

function roundStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = raw / power;
  const round = factor < 1.5 ? 1 : factor < 3 ? 2 : factor < 7 ? 5 : 10;
  return round * power;
}

/** "80 %" or, between whole per cents, "80.5 %", as a tick or as what is read at it. */
export function formatShareTick(share: number): string {
  const percent = 100 * share;
  return Math.abs(percent - Math.round(percent)) < 1e-6 ? `${Math.round(percent)} %` : `${percent.toFixed(1)} %`;
}
