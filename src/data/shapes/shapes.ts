/**
 * The built-in data set: ten shapes of random colour, place, scale and rotation on cluttered, noisy backgrounds, drawn from a
 * seed. It makes the first command work on a machine without data, and gives tests something that can be learned.
 */
import { UserError } from "../../errors.js";
import { storedSide } from "../../pixels/square.js";
import type { Dataset } from "../dataset.js";
import { Random } from "../random.js";
import { type DecodedPart, memoryDataset, sharedPixels } from "../sets/memory-dataset.js";
import { checkSize } from "../sets/split.js";
import { OUTLINE_REACH, OUTLINES } from "./shape-outlines.js";

/** Keeps the draws of shapes apart from all other uses of the same seed. */
const SHAPES_STREAM = 0x73686170;
/** Each pixel of a shape is the mean of 3 x 3 points, which is anti-aliasing enough. */
const POINTS_PER_SIDE = 3;
/** Largest rotation to either side, in radians: an arrow still points up, a square is no diamond. */
const LARGEST_TURN = Math.PI / 9;

export interface ShapesOptions {
  readonly seed?: number;
  /** Side of the images in pixels; default 32. */
  readonly size?: number;
  /** Numbers of images; default 4,000, 800 and 1,000. None of a part where 0. */
  readonly train?: number;
  readonly validation?: number;
  readonly test?: number;
}

/** Draws the data set; a few thousand images a second. */
export function shapes(options: ShapesOptions = {}): Dataset {
  const { seed = 1, size = 32, train = 4000, validation = 800, test = 1000 } = options;
  checkSize(size);
  for (const count of [train, validation, test]) {
    if (!Number.isInteger(count) || count < 0)
      throw new UserError(`${count} images of shapes were asked for: a whole number, at least 0, is needed`);
  }
  if (train < OUTLINES.length)
    throw new UserError(`${train} training images of shapes were asked for: at least ${OUTLINES.length} are needed, one a class`);
  return memoryDataset(
    {
      name: "shapes",
      classes: OUTLINES.map((outline) => outline.name),
      size,
      train: drawPart(seed, 0, train, storedSide(size)),
      validation: validation === 0 ? undefined : drawPart(seed, 1, validation, storedSide(size)),
      test: test === 0 ? undefined : drawPart(seed, 2, test, storedSide(size)),
      mirroring: { allowed: true, reason: "none of the shapes becomes another in a mirror" },
      format: "shapes drawn from the seed",
      places: {
        train: "drawn",
        validation: validation === 0 ? undefined : "drawn",
        test: test === 0 ? undefined : "drawn",
      },
      stored: [size, size],
    },
    0,
    seed,
  );
}

function drawPart(seed: number, part: number, count: number, size: number): DecodedPart {
  const pixels = sharedPixels(count, size);
  const labels = Uint16Array.from({ length: count }, (_, image) => image % OUTLINES.length);
  const canvas = new Float32Array(size * size * 3);
  const bytes = size * size * 3;
  for (let image = 0; image < count; image++) {
    const random = new Random(seed, part, image, SHAPES_STREAM);
    drawImage(canvas, size, labels[image], random);
    const noise = 4 + 14 * random.uniform();
    for (let at = 0; at < bytes; at++) {
      const value = canvas[at] + noise * (2 * random.uniform() - 1);
      pixels[image * bytes + at] = Math.round(Math.min(255, Math.max(0, value)));
    }
  }
  return { pixels, labels };
}

type Color = readonly [number, number, number];
/** Share of the pixel at (x, y), 0 to 1, that something covers. */
type Cover = (x: number, y: number) => number;

function drawImage(canvas: Float32Array, size: number, label: number, random: Random): void {
  const near = randomColor(random);
  const far = blend(near, randomColor(random), 0.4);
  fillGradient(canvas, size, near, far, random);
  const pieces = 2 + random.integer(5);
  for (let piece = 0; piece < pieces; piece++)
    paint(canvas, size, clutter(size, random), blend(near, randomColor(random), 0.7), 0.2 + 0.4 * random.uniform());
  const color = contrasting(blend(near, far, 0.5), random);
  paint(canvas, size, placedShape(size, label, random), color, 0.85 + 0.15 * random.uniform());
  // Something thin in front, every third time, so that outlines are not always whole.
  if (random.uniform() < 1 / 3) paint(canvas, size, line(size, random, size / 40), randomColor(random), 0.6);
}

/** The label's outline, moved, scaled and turned. */
function placedShape(size: number, label: number, random: Random): Cover {
  const radius = size * (0.28 + 0.14 * random.uniform());
  const room = 0.12 * size;
  const centerX = size / 2 + room * (2 * random.uniform() - 1);
  const centerY = size / 2 + room * (2 * random.uniform() - 1);
  const turn = LARGEST_TURN * (2 * random.uniform() - 1);
  const cos = Math.cos(turn) / radius;
  const sin = Math.sin(turn) / radius;
  const { contains } = OUTLINES[label];
  const reach = OUTLINE_REACH * radius + 1;
  return (x, y) => {
    if ((x + 0.5 - centerX) ** 2 + (y + 0.5 - centerY) ** 2 > reach * reach) return 0;
    let hits = 0;
    for (let row = 0; row < POINTS_PER_SIDE; row++) {
      for (let column = 0; column < POINTS_PER_SIDE; column++) {
        const dx = x + (column + 0.5) / POINTS_PER_SIDE - centerX;
        const dy = y + (row + 0.5) / POINTS_PER_SIDE - centerY;
        if (contains(cos * dx + sin * dy, cos * dy - sin * dx)) hits++;
      }
    }
    return hits / (POINTS_PER_SIDE * POINTS_PER_SIDE);
  };
}

/** A line, a dot or a bar. */
function clutter(size: number, random: Random): Cover {
  const kind = random.integer(3);
  if (kind === 0) return line(size, random, (size / 32) * (0.5 + random.uniform()));
  const centerX = size * random.uniform();
  const centerY = size * random.uniform();
  const radius = size * (0.03 + 0.07 * random.uniform());
  if (kind === 1) return (x, y) => within(radius - Math.sqrt((x + 0.5 - centerX) ** 2 + (y + 0.5 - centerY) ** 2));
  const length = radius * (1 + 2 * random.uniform());
  return (x, y) => within(length - Math.abs(x + 0.5 - centerX)) * within(radius / 2 - Math.abs(y + 0.5 - centerY));
}

/** A line across the whole image. */
function line(size: number, random: Random, halfWidth: number): Cover {
  const turn = Math.PI * random.uniform();
  const normalX = Math.cos(turn);
  const normalY = Math.sin(turn);
  const distance = normalX * size * random.uniform() + normalY * size * random.uniform();
  return (x, y) => within(halfWidth - Math.abs(normalX * (x + 0.5) + normalY * (y + 0.5) - distance));
}

/** Share of a pixel whose centre is `depth` pixels inside a straight edge; negative depths are outside. */
function within(depth: number): number {
  return Math.min(1, Math.max(0, depth + 0.5));
}

function paint(canvas: Float32Array, size: number, cover: Cover, color: Color, opacity: number): void {
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const weight = opacity * cover(x, y);
      if (weight === 0) continue;
      const at = (y * size + x) * 3;
      for (let channel = 0; channel < 3; channel++) canvas[at + channel] += weight * (color[channel] - canvas[at + channel]);
    }
  }
}

function fillGradient(canvas: Float32Array, size: number, near: Color, far: Color, random: Random): void {
  const turn = 2 * Math.PI * random.uniform();
  const stepX = Math.cos(turn) / size;
  const stepY = Math.sin(turn) / size;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const share = Math.min(1, Math.max(0, 0.5 + stepX * (x - size / 2) + stepY * (y - size / 2)));
      for (let channel = 0; channel < 3; channel++) {
        canvas[(y * size + x) * 3 + channel] = near[channel] * (1 - share) + far[channel] * share;
      }
    }
  }
}

function randomColor(random: Random): Color {
  return [255 * random.uniform(), 255 * random.uniform(), 255 * random.uniform()];
}

function blend(one: Color, other: Color, share: number): Color {
  return [one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1]), one[2] + share * (other[2] - one[2])];
}

/** A colour that is clearly lighter or darker than `background`: outlines of equal brightness are hard to see, for people too. */
function contrasting(background: Color, random: Random): Color {
  const least = 60 + 40 * random.uniform();
  let color = randomColor(random);
  while (Math.abs(brightness(color) - brightness(background)) < least) color = randomColor(random);
  return color;
}

/** 0 to 255, as the eye weighs the channels (Rec. 601). */
function brightness([red, green, blue]: Color): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}
