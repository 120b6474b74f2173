/** Where images may be mirrored: by what classes are called, and by whether one class is the other's mirror image. */
import { describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { memorySet } from "#rbnet/data/sets/image-set";
import { mirroringOf } from "#rbnet/data/sets/mirroring";

const SIDE = 16;

/** `count` images a class, whose pixels are bright where `lit` says so, all moved a little and with noise. */
function images(lit: readonly ((x: number, y: number) => boolean)[], count = 12) {
  const random = new Random(3);
  const total = lit.length * count;
  const pixels = new Uint8Array(total * SIDE * SIDE * 3);
  const labels = Uint16Array.from({ length: total }, (_, image) => image % lit.length);
  labels.forEach((label, image) => {
    const [dx, dy] = [random.integer(5) - 2, random.integer(5) - 2];
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < SIDE; x++)
        pixels.fill(
          random.integer(60) + (lit[label]!(x + dx, y + dy) ? 190 : 0),
          ((image * SIDE + y) * SIDE + x) * 3,
          ((image * SIDE + y) * SIDE + x + 1) * 3,
        );
  });
  return memorySet(
    pixels,
    SIDE,
    Uint32Array.from(labels, (_, image) => image),
    labels,
    String,
  );
}

/** A shaft, and a head that widens from the tip. */
const arrow = (x: number, y: number): boolean => (Math.abs(y - 8) < 2 && x > 6) || (x >= 2 && x <= 7 && Math.abs(y - 8) <= x - 2);
const left = arrow;
const right = (x: number, y: number): boolean => arrow(SIDE - 1 - x, y);
const up = (x: number, y: number): boolean => arrow(y, x);
const blob = (x: number, y: number): boolean => (x - 5) ** 2 + (y - 6) ** 2 < 16;
const plain = images([up, blob]);

describe("images are not mirrored", () => {
  it.each([
    [["turn left", "turn right"], "turn left", "turn right"],
    [["HandRight", "HandLeft", "Head"], "HandLeft", "HandRight"],
    [["pfeil-links", "pfeil-rechts"], "pfeil-links", "pfeil-rechts"],
    [["gauche", "droite"], "gauche", "droite"],
    [["izquierda", "derecha"], "izquierda", "derecha"],
    [["左转", "右转"], "左转", "右转"],
  ])("where classes are called %j", (classes, one, other) => {
    expect(mirroringOf(classes, plain)).toEqual({
      allowed: false,
      reason: `the class names "${one}" and "${other}" tell sides apart`,
    });
  });

  it("where ten classes are named by a character each", () => {
    expect(mirroringOf([..."0123456789"], plain)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining("named as characters"),
    });
    expect(mirroringOf([..."01"], plain).allowed).toBe(true);
  });

  it("where the images of a class look like those of another in a mirror", () => {
    expect(mirroringOf(["up", "west", "east"], images([up, left, right]))).toEqual({
      allowed: false,
      reason: 'images of "west", mirrored, look like those of "east"',
    });
  });
});

describe("images are mirrored", () => {
  const allowed = { allowed: true, reason: "neither class names nor images tell left from right" };

  it("where classes look alike, differ otherwise, or lie to one side by themselves", () => {
    expect(mirroringOf(["up", "blob"], plain)).toEqual(allowed);
    expect(mirroringOf(["same", "again"], images([left, left]))).toEqual(allowed);
    expect(mirroringOf(["arrow", "up"], images([left, up]))).toEqual(allowed);
  });

  it("where names have such a word in another, or one side only, and too few images show anything", () => {
    expect(mirroringOf(["bright", "leftover"], plain)).toEqual(allowed);
    expect(mirroringOf(["left cat", "left dog"], plain)).toEqual(allowed);
    expect(mirroringOf(["west", "east"], images([left, right], 7))).toEqual(allowed);
  });
});
