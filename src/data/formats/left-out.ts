/** Counts what lies in a folder and is no image of the data, by kind, with an example of each: nothing is left out without a word. */
import { join, relative, sep } from "node:path";
import type { LeftOut } from "../dataset.js";
import type { OtherContent } from "../decoding/file-content.js";

/** `litter`: what systems leave behind, which nobody misses. */
export interface LeftOutKind extends OtherContent {
  readonly litter?: true;
}

export class LeftOutCounter {
  private readonly kinds = new Map<string, { readonly kind: LeftOutKind; readonly example: string; count: number }>();

  /** `root`: examples are paths from there. */
  constructor(private readonly root: string) {}

  add(kind: LeftOutKind, path: string, count = 1): void {
    const known = this.kinds.get(kind.many);
    if (known === undefined) this.kinds.set(kind.many, { kind, example: relative(this.root, path).split(sep).join("/"), count });
    else known.count += count;
  }

  /** Adds what another has counted; `place`: where its examples are paths from. */
  addAll(other: LeftOutCounter, place: string): void {
    for (const { kind, example, count } of other.kinds.values()) this.add(kind, join(place, example), count);
  }

  /** The most frequent kind first, litter last. */
  get list(): readonly LeftOut[] {
    return [...this.kinds.values()]
      .sort((one, other) => Number(one.kind.litter === true) - Number(other.kind.litter === true) || other.count - one.count)
      .map(({ kind: { one, many, advice, litter }, example, count }) => ({
        what: count === 1 ? one : many,
        count,
        example,
        ...(advice === undefined ? {} : { advice: count === 1 ? advice.replace("them", "it") : advice }),
        ...(litter === undefined ? {} : { litter }),
      }));
  }
}

/** "90 HEIC pictures (such as red/IMG_0.HEIC; convert them to JPEG ...)" */
export function leftOutText({ what, count, example, advice }: LeftOut): string {
  const number = count === 1 ? what : `${count.toLocaleString("en-US")} ${what}`;
  return `${number} (${count === 1 ? "" : "such as "}${example}${advice === undefined ? "" : `; ${advice}`})`;
}
