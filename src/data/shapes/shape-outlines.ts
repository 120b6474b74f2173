/**
 * The ten outlines of the data set `shapes`: whether a point lies inside, in coordinates where a shape of scale 1 fills about -1..1,
 * u to the right and v down. None reaches farther than `OUTLINE_REACH` from the middle.
 */

export const OUTLINE_REACH = 1.2;

export interface Outline {
  readonly name: string;
  readonly contains: (u: number, v: number) => boolean;
}

/** Sorted by name, as the classes of a folder are. */
export const OUTLINES: readonly Outline[] = [
  {
    name: "arrow",
    contains: (u, v) =>
      (v >= -0.05 && v <= 0.95 && Math.abs(u) <= 0.25) || (v >= -0.95 && v <= 0 && Math.abs(u) <= (v + 0.95) * 0.85),
  },
  { name: "circle", contains: (u, v) => u * u + v * v <= 0.85 * 0.85 },
  { name: "crescent", contains: (u, v) => u * u + v * v <= 0.9 * 0.9 && (u - 0.42) ** 2 + v * v > 0.72 * 0.72 },
  {
    name: "cross",
    contains: (u, v) => (Math.abs(u) <= 0.28 && Math.abs(v) <= 0.92) || (Math.abs(v) <= 0.28 && Math.abs(u) <= 0.92),
  },
  { name: "heart", contains: isInHeart },
  { name: "hourglass", contains: (u, v) => Math.abs(v) <= 0.9 && Math.abs(u) <= 0.08 + 0.72 * Math.abs(v) },
  { name: "ring", contains: (u, v) => u * u + v * v <= 0.92 * 0.92 && u * u + v * v >= 0.52 * 0.52 },
  { name: "square", contains: (u, v) => Math.abs(u) <= 0.75 && Math.abs(v) <= 0.75 },
  { name: "star", contains: isInStar },
  { name: "triangle", contains: (u, v) => v <= 0.7 && v >= -0.9 && Math.abs(u) <= (v + 0.9) * 0.6 },
];

/** The sextic curve (x^2 + y^2 - 1)^3 = x^2 y^3. */
function isInHeart(u: number, v: number): boolean {
  const x = u * 1.25;
  const y = -v * 1.25 + 0.1;
  const beyond = x * x + y * y - 1;
  return beyond * beyond * beyond <= x * x * y * y * y;
}

/** Five points of radius 1 and a waist of 0.45: below a straight edge between the two in each tenth of the turn. */
function isInStar(u: number, v: number): boolean {
  const distance = Math.sqrt(u * u + v * v);
  if (distance > 1) return false;
  const tenth = Math.PI / 5;
  const turn = Math.atan2(u, -v);
  const fromPoint = Math.abs(turn - Math.round(turn / (2 * tenth)) * 2 * tenth);
  const waist = 0.45;
  const edge =
    (waist * Math.sin(tenth)) /
    (Math.sin(fromPoint) * (1 - waist * Math.cos(tenth)) + waist * Math.sin(tenth) * Math.cos(fromPoint));
  return distance <= edge;
}
