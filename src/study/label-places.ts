/** Where the labels of a chart's points go: beside their points, and as far as there is room, over nothing else. */

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface LabelledPoint {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface LabelPlace {
  /** Of the text's baseline, at the side that `anchor` names. */
  readonly x: number;
  readonly y: number;
  readonly anchor: "start" | "middle" | "end";
}

const HEIGHT = 15;
const ASCENT = 11;
/** From the middle of a point: to the side, and up or down. */
const ASIDE = 12;
const ABOVE = 13;
/** In the order in which they are preferred. */
const PLACES: readonly LabelPlace[] = [
  { x: ASIDE, y: 4, anchor: "start" },
  { x: -ASIDE, y: 4, anchor: "end" },
  { x: 0, y: -ABOVE, anchor: "middle" },
  { x: 0, y: ABOVE + ASCENT, anchor: "middle" },
  { x: 9, y: -9, anchor: "start" },
  { x: 9, y: 9 + ASCENT, anchor: "start" },
  { x: -9, y: -9, anchor: "end" },
  { x: -9, y: 9 + ASCENT, anchor: "end" },
];
/** A label outside the frame is cut off: worse than one on top of another. */
const OUTSIDE_WEIGHT = 20;
/** Rounds of moving each label to where it is best among the others. */
const ROUNDS = 4;

/** @param obstacles what labels should not cover: points, error bars, pieces of lines */
export function placeLabels(points: readonly LabelledPoint[], frame: Box, obstacles: readonly Box[]): readonly LabelPlace[] {
  const [usual = { x: 0, y: 0, anchor: "middle" } satisfies LabelPlace] = PLACES;
  const chosen = points.map(() => usual);
  const boxAt = (index: number, place: LabelPlace): Box => boxOf(points[index] as LabelledPoint, place);
  for (let round = 0; round < ROUNDS; round++) {
    for (const index of points.keys()) {
      const others = [...obstacles, ...chosen.flatMap((place, other) => (other === index ? [] : [boxAt(other, place)]))];
      const costs = PLACES.map((place, preference) => costOf(boxAt(index, place), frame, others) + preference);
      chosen[index] = PLACES[costs.indexOf(Math.min(...costs))] ?? usual;
    }
  }
  return chosen.map(({ x, y, anchor }, index) => ({ x: (points[index]?.x ?? 0) + x, y: (points[index]?.y ?? 0) + y, anchor }));
}

function boxOf({ x, y, width }: LabelledPoint, place: LabelPlace): Box {
  const left = x + place.x - (place.anchor === "start" ? 0 : place.anchor === "end" ? width : width / 2);
  const top = y + place.y - ASCENT;
  return { left, top, right: left + width, bottom: top + HEIGHT };
}

/** Covered area, in square units. */
function costOf(box: Box, frame: Box, others: readonly Box[]): number {
  const area = (box.right - box.left) * (box.bottom - box.top);
  return others.reduce((sum, other) => sum + overlap(box, other), OUTSIDE_WEIGHT * (area - overlap(box, frame)));
}

function overlap(one: Box, other: Box): number {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return width > 0 && height > 0 ? width * height : 0;
}
