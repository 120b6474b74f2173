/** Where two values of JSON differ, for messages that refuse to go on with something else than was begun. */

export interface Difference {
  /** Such as `augmentation.flip`. */
  readonly place: string;
  /** Both as JSON, cut where they are long; "absent" where there is none. */
  readonly there: string;
  readonly now: string;
}

const LONGEST = 60;

/** The first difference; undefined where there is none but in the order of fields. */
export function firstDifference(there: unknown, now: unknown, place = ""): Difference | undefined {
  if (isObject(there) && isObject(now) && lengthOf(there) === lengthOf(now)) {
    for (const key of new Set([...Object.keys(there), ...Object.keys(now)])) {
      const found = firstDifference(there[key], now[key], place === "" ? key : `${place}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const [before, after] = [JSON.stringify(there), JSON.stringify(now)];
  return before === after ? undefined : { place, there: shorten(before), now: shorten(after) };
}

/** Lists are, too: their fields are numbered. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Lists of unlike lengths, or a list and no list, differ as a whole. */
function lengthOf(value: object): number | undefined {
  return Array.isArray(value) ? value.length : undefined;
}

function shorten(text: string | undefined): string {
  return text === undefined ? "absent" : text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text;
}
