/**
 * Finds pictures that are in the data twice: under two classes, where one of them is wrong, or in two parts, where validation or test then
 * measure what was learned by heart. Same is what the network sees, pixel for pixel, or else the bytes of the file.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { Dataset, EncodedSource, ImageSet, MemorySource, Part } from "../dataset.js";
import { openEncoded } from "./open-encoded.js";

/** Pictures that are there a second time; two names of one of them. */
export interface SamePictures {
  readonly count: number;
  readonly example: readonly [string, string];
}

export interface PictureSearch {
  readonly acrossClasses: SamePictures | undefined;
  readonly acrossParts: SamePictures | undefined;
  /** False where reading so many files would hold the training up. */
  readonly searched: boolean;
}

/** Files are read only where others have as many bytes; beyond so many files or bytes nothing is searched. */
const FILE_LIMIT = 200_000;
const BYTE_LIMIT = 2 ** 31;
const IN_FLIGHT = 16;

const PARTS: readonly Part[] = ["train", "validation", "test"];

/** Looks through all parts. */
export async function findSamePictures(data: Pick<Dataset, Part>): Promise<PictureSearch> {
  const sets = PARTS.flatMap((part) => (data[part] === undefined ? [] : [{ part, set: data[part] }]));
  const digests = await digestsOf(sets.map(({ set }) => set));
  if (digests === undefined) return { acrossClasses: undefined, acrossParts: undefined, searched: false };
  const seen = new Map<string, { readonly part: Part; readonly label: number; readonly set: ImageSet; readonly index: number }>();
  const classes = new Finding();
  const parts = new Finding();
  for (const [place, { part, set }] of sets.entries()) {
    for (let index = 0; index < set.count; index++) {
      const digest = digests[place][index];
      if (digest === undefined) continue;
      const first = seen.get(digest);
      const label = set.labels[index];
      if (first === undefined) {
        seen.set(digest, { part, label, set, index });
        continue;
      }
      const names = [first.set.nameOf(first.index), set.nameOf(index)] as const;
      if (first.label !== label) classes.add(names);
      else if (first.part !== part) parts.add(names);
    }
  }
  return { acrossClasses: classes.found, acrossParts: parts.found, searched: true };
}

class Finding {
  found: SamePictures | undefined;

  add(example: readonly [string, string]): void {
    this.found = { count: (this.found?.count ?? 0) + 1, example: this.found?.example ?? example };
  }
}

/** By set and image; undefined for a picture that no other can be the same as, or where there are too many to look at. */
async function digestsOf(sets: readonly ImageSet[]): Promise<readonly (readonly (string | undefined)[])[] | undefined> {
  const inMemory = sets.map(({ source }) => (source.kind === "memory" ? pixelDigests(source) : undefined));
  const encoded = sets.flatMap(({ source }) => (source.kind === "memory" ? [] : [source]));
  if (encoded.length === 0) return inMemory.map((digests) => digests ?? []);
  const found = await fileDigests(encoded);
  let next = 0;
  return found && inMemory.map((digests) => digests ?? found[next++]);
}

function pixelDigests({ pixels, side, rows }: MemorySource): readonly string[] {
  const bytes = side * side * 3;
  return Array.from(rows, (row) => digestOf(pixels.subarray(row * bytes, (row + 1) * bytes)));
}

async function fileDigests(sources: readonly EncodedSource[]): Promise<(string | undefined)[][] | undefined> {
  if (sources.reduce((sum, source) => sum + countOf(source), 0) > FILE_LIMIT) return undefined;
  const lengths = await Promise.all(sources.map(lengthsOf));
  const times = new Map<number, number>();
  for (const length of lengths.flat()) times.set(length, (times.get(length) ?? 0) + 1);
  const isShared = (length: number): boolean => (times.get(length) ?? 0) > 1;
  const toRead = [...times].reduce((sum, [length, count]) => sum + (count > 1 ? length * count : 0), 0);
  if (toRead > BYTE_LIMIT) return undefined;
  return Promise.all(
    sources.map(async (source, place) => {
      const digests: (string | undefined)[] = lengths[place].map(() => undefined);
      await using images = openEncoded(source);
      await forEachIndex(lengths[place].length, async (index) => {
        if (!isShared(lengths[place][index])) return;
        const image = await images.read(index);
        digests[index] = digestOf(typeof image === "string" ? await readFile(image) : image);
      });
      return digests;
    }),
  );
}

function countOf(source: EncodedSource): number {
  return source.kind === "files" ? source.paths.length : source.lengths.length;
}

async function lengthsOf(source: EncodedSource): Promise<number[]> {
  if (source.kind === "shards") return [...source.lengths];
  const lengths = new Array<number>(source.paths.length).fill(0);
  await forEachIndex(lengths.length, async (index) => {
    lengths[index] = (await stat(source.paths[index])).size;
  });
  return lengths;
}

/** A picture that cannot be read is said elsewhere. */
async function forEachIndex(count: number, visit: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const visitSome = async (): Promise<void> => {
    while (next < count) await visit(next++).catch(() => undefined);
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, visitSome));
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}
