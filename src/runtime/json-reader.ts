/**
 * Checks JSON from a stranger: a reader takes a value and the place where it stands, and gives it back typed or throws. Written out here
 * instead of by a schema library because a page that loads a model loads this too.
 */

/** What stands at `place` (keys joined by dots, empty for the top) is not what it has to be. */
export class Malformed extends Error {
  constructor(readonly place: string) {
    super(`malformed at ${place || "the top"}`);
  }
}

export type Reader<T> = (value: unknown, place: string) => T;
type Readers = Readonly<Record<string, Reader<unknown>>>;
type Read<R extends Readers> = { readonly [Key in keyof R]: R[Key] extends Reader<infer T> ? T : never };

function inside(place: string, key: string | number): string {
  return place === "" ? String(key) : `${place}.${key}`;
}

/** A value of which `holds` is true. */
function checked<T>(holds: (value: unknown) => value is T): Reader<T> {
  return (value, place) => {
    if (!holds(value)) throw new Malformed(place);
    return value;
  };
}

/** A whole number from `least` to `most`. */
export function integer(least: number, most: number): Reader<number> {
  return checked((value): value is number => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most);
}

/** A finite number above `bound`; by default any. */
export function number(bound = Number.NEGATIVE_INFINITY): Reader<number> {
  return checked((value): value is number => Number.isFinite(value) && Number(value) > bound);
}

/** Text of at most `longest` UTF-16 units. */
export function text(longest: number): Reader<string> {
  return checked((value): value is string => typeof value === "string" && value.length <= longest);
}

export const truth: Reader<boolean> = checked((value): value is boolean => typeof value === "boolean");

/** One of the given values. */
export function oneOf<const T extends string | number | boolean>(...allowed: readonly T[]): Reader<T> {
  return checked((value): value is T => allowed.includes(value as T));
}

/** An array of `fewest` to `most` items. */
export function list<T>(item: Reader<T>, fewest: number, most: number): Reader<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value) || value.length < fewest || value.length > most) throw new Malformed(place);
    return value.map((one, index) => item(one, inside(place, index)));
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object with every member of `required`, any of `optional`, and no other. */
export function members<R extends Readers, O extends Readers = Record<never, never>>(
  required: R,
  optional?: O,
): Reader<Read<R> & Partial<Read<O>>> {
  return (value, place) => {
    if (!isObject(value)) throw new Malformed(place);
    const readers: Readers = { ...optional, ...required };
    for (const key of Object.keys(value)) if (!Object.hasOwn(readers, key)) throw new Malformed(place);
    for (const key of Object.keys(required)) if (!Object.hasOwn(value, key)) throw new Malformed(inside(place, key));
    // In the order of the text, so that what is written again is what was read.
    const found: Record<string, unknown> = {};
    for (const [key, one] of Object.entries(value)) found[key] = readers[key]?.(one, inside(place, key));
    return found as Read<R> & Partial<Read<O>>;
  };
}

/** An object whose member `kind` says which of the readers is its own. */
export function variants<R extends Readers>(readers: R): Reader<Read<R>[keyof R]> {
  return (value, place) => {
    if (!isObject(value)) throw new Malformed(place);
    const { kind } = value;
    const reader = typeof kind === "string" && Object.hasOwn(readers, kind) ? readers[kind] : undefined;
    if (reader === undefined) throw new Malformed(inside(place, "kind"));
    return reader(value, place) as Read<R>[keyof R];
  };
}
