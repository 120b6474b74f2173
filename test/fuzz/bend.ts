/** Seeded damage to bytes and to JSON: what a broken disk, a bad connection or a stranger does to a file. */
import type { Random } from "#rbnet/data/random";

/** JSON that may be bent. */
export type Place = Record<string, unknown>;

/** How many damaged files a test tries; `RBNET_FUZZ=100000 npm test` tries more. */
export function attempts(usual: number): number {
  const asked = Number(process.env.RBNET_FUZZ ?? usual);
  if (!Number.isSafeInteger(asked) || asked < 1) throw new Error(`RBNET_FUZZ has to be a whole number from 1, not ${asked}`);
  return asked;
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.integer(list.length)]!;
}

/** Cuts, lengthens, overwrites, flips bits of, or repeats a part of some bytes, once or several times. */
export function bendBytes(original: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let bytes = Uint8Array.from(original);
  const changes = 1 + random.integer(4);
  for (let change = 0; change < changes; change++) bytes = bendOnce(bytes, random);
  return bytes;
}

function bendOnce(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  // Half of the damage hits the first bytes, where a file says what it is.
  const at = random.integer(random.uniform() < 0.5 ? Math.min(64, bytes.length + 1) : bytes.length + 1);
  const length = 1 + random.integer(8);
  switch (random.integer(6)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return Uint8Array.of(...bytes.subarray(0, at), ...some(length, random), ...bytes.subarray(at));
    case 2:
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + length));
    case 3:
      bytes.copyWithin(at, random.integer(bytes.length + 1), random.integer(bytes.length + 1));
      return bytes;
    case 4:
      bytes.set(some(Math.min(length, bytes.length - at), random), at);
      return bytes;
    default:
      if (at < bytes.length) bytes[at]! ^= 1 << random.integer(8);
      return bytes;
  }
}

function some(length: number, random: Random): Uint8Array {
  const extreme = random.uniform() < 0.5;
  return Uint8Array.from({ length }, () => (extreme ? pick(random, [0, 1, 127, 128, 255]) : random.integer(256)));
}

const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 16, 31, 64, 4096, 65_536, 2 ** 31, 2 ** 53, -1, 0.5, 1e308];

/** Replaces, drops, doubles or deepens something at a random place of JSON. */
export function bendJson(root: Place, random: Random): void {
  let place = root;
  for (let depth = 0; depth < 6 && random.uniform() < 0.75; depth++) {
    const inner = Object.values(place).filter((value) => typeof value === "object" && value !== null);
    if (inner.length === 0) break;
    place = pick(random, inner) as Place;
  }
  const key = pick(random, Object.keys(place));
  if (key === undefined) return;
  const kind = random.uniform();
  if (typeof place[key] === "number" && kind < 0.6) place[key] = pick(random, NUMBERS);
  else if (typeof place[key] === "boolean" && kind < 0.6) place[key] = !place[key];
  else if (kind < 0.75) delete place[key];
  else if (kind < 0.9)
    place[key] = pick(random, [null, "blocks", [], {}, true, deep(random), "x".repeat(5_000), pick(random, NUMBERS)]);
  else if (Array.isArray(place)) place.splice(random.integer(place.length), 0, structuredClone(pick(random, place)));
  else place[`${key}${random.integer(9)}`] = structuredClone(place[key]);
}

/** Lists in lists, as deep as JSON.parse may meet them. */
function deep(random: Random): unknown {
  let value: unknown = 1;
  for (let depth = random.integer(2_000); depth > 0; depth--) value = [value];
  return value;
}
