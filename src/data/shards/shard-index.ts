/**
 * What a WebDataset shard holds, found by reading the headers of its tar: for each sample where its image lies and its class. A
 * sample is a run of files whose names agree up to the first dot: `n01440764_7.jpg` and `n01440764_7.cls` (a class's number or name), or
 * `.json` with a `label`, or `.txt`.
 */
import { open } from "node:fs/promises";
import { messageOf, UserError } from "../../errors.js";
import { contentOf, IMAGE_FILE_NAME } from "../decoding/file-content.js";
import { headOf } from "../decoding/image-input.js";
import { type ReadAt, type TarEntry, TarError, tarEntries } from "./tar.js";

/** The usable samples of a shard in their order, in columns. */
export interface ShardSamples {
  readonly names: readonly string[];
  /** Position and length of the images' bytes. */
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
  /** Class of each, as the place of its text in `texts`. */
  readonly labels: readonly number[];
  /** Numbers without zeros before them, or names. */
  readonly texts: readonly string[];
  /** Name of each unusable sample, with the reason. */
  readonly bad: readonly (readonly [string, string])[];
}

/** Class numbers are kept in 16 bits. */
export const HIGHEST_LABEL = 65535;
/** Larger files than this are no photographs, and would be read whole. */
const LONGEST_IMAGE = 2 ** 28;
const LONGEST_LABEL = 1 << 20;
const LONGEST_NAME = 255;
/** A label file lies between the headers of two images, so one read serves a sample. */
const WINDOW_BYTES = 1 << 14;

export const NO_CLASS = "it has no .cls, .json or .txt file with its class";

interface OpenSample {
  readonly key: string;
  image?: TarEntry;
  classFile?: TarEntry;
  json?: TarEntry;
  text?: TarEntry;
}

interface Columns {
  readonly names: string[];
  readonly offsets: number[];
  readonly lengths: number[];
  readonly labels: number[];
  readonly texts: string[];
  readonly places: Map<string, number>;
  readonly bad: [string, string][];
}

export function isClassNumber(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= HIGHEST_LABEL;
}

/**
 * Reads the index of the shard at `path`.
 *
 * @throws UserError where the file cannot be read, or is no whole tar
 */
export async function indexShard(path: string): Promise<ShardSamples> {
  const columns: Columns = { names: [], offsets: [], lengths: [], labels: [], texts: [], places: new Map(), bad: [] };
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const content = contentOf(headOf(path));
    if (typeof content !== "string" && content.advice?.startsWith("unpack") === true && !content.one.includes("tar "))
      throw new UserError(`the shard ${path} is ${content.one} under the name of a tar: unpack it to a plain .tar`);
    const { size } = await file.stat();
    const read = windowed(async (into, at) => (await file.read(into, 0, into.length, at)).bytesRead, size);
    let sample: OpenSample = { key: "" };
    for await (const entry of tarEntries(read, size)) {
      const [, key, ending] = /^((?:.*\/)?[^./][^./]*)\.([^/]*)$/.exec(entry.name) ?? [];
      if (key === undefined || ending === undefined) continue;
      if (key !== sample.key) {
        await closeSample(sample, read, columns);
        sample = { key };
      }
      if (ending.toLowerCase() === "cls") sample.classFile ??= entry;
      else if (ending.toLowerCase() === "json") sample.json ??= entry;
      else if (ending.toLowerCase() === "txt") sample.text ??= entry;
      else if (!ending.includes(".") && IMAGE_FILE_NAME.test(`.${ending}`)) sample.image ??= entry;
    }
    await closeSample(sample, read, columns);
  } catch (error) {
    if (error instanceof TarError)
      throw new UserError(`the shard ${path} cannot be used: ${error.message}; get it again, or remove it`);
    throw error instanceof UserError ? error : unreadable(path, error);
  } finally {
    await file.close();
  }
  return columns;
}

/** Puts a finished sample where it belongs: files without a class and without an image are something else and left alone. */
async function closeSample({ key, image, classFile, json, text }: OpenSample, read: ReadAt, columns: Columns): Promise<void> {
  const labelFile = classFile ?? json ?? text;
  if (image === undefined) {
    if (labelFile !== undefined) columns.bad.push([key, "it has no image"]);
    return;
  }
  const reject = (reason: string): void => {
    columns.bad.push([image.name, reason]);
  };
  if (labelFile === undefined) return reject(NO_CLASS);
  if (image.bytes === 0) return reject("it is empty");
  if (image.bytes > LONGEST_IMAGE) return reject(`it has more than ${LONGEST_IMAGE / 2 ** 20} MiB`);
  if (labelFile.bytes > LONGEST_LABEL) return reject(`its class, ${labelFile.name}, has ${labelFile.bytes} bytes`);
  const content = new TextDecoder().decode(await read(labelFile.at, labelFile.bytes)).trim();
  const found = labelFile === json ? labelIn(content) : content;
  // What looks like a number is one: as names, "10" would come before "2".
  const isName =
    !/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(found) && found !== "" && found.length <= LONGEST_NAME && !/[\r\n]/.test(found);
  if (!isName && !isClassNumber(found))
    return reject(`its class in ${labelFile.name} is no whole number from 0 to ${HIGHEST_LABEL}, and no name of a line`);
  const label = isName ? found : String(Number(found));
  columns.names.push(image.name);
  columns.offsets.push(image.at);
  columns.lengths.push(image.bytes);
  columns.labels.push(placeOf(label, columns));
}

function placeOf(text: string, { texts, places }: Columns): number {
  const known = places.get(text);
  if (known !== undefined) return known;
  places.set(text, texts.length);
  return texts.push(text) - 1;
}

/** The `label` of a JSON text; nothing where there is none. */
function labelIn(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    const label: unknown = typeof parsed === "object" && parsed !== null ? Reflect.get(parsed, "label") : undefined;
    return typeof label === "number" || typeof label === "string" ? String(label) : "";
  } catch {
    return "";
  }
}

/** Reads through a window of the file, moved where a read falls outside it. */
function windowed(fill: (into: Uint8Array, at: number) => Promise<number>, total: number): ReadAt {
  let window = new Uint8Array(0);
  let start = 0;
  return async (at, bytes) => {
    if (at < start || at + bytes > start + window.length) {
      window = new Uint8Array(Math.min(Math.max(bytes, WINDOW_BYTES), total - at));
      start = at;
      for (let done = 0; done < window.length; ) {
        const read = await fill(window.subarray(done), at + done);
        if (read === 0) throw new TarError("it became shorter while it was read");
        done += read;
      }
    }
    return window.subarray(at - start, at - start + bytes);
  };
}

function unreadable(path: string, error: unknown): UserError {
  const message = messageOf(error);
  return new UserError(`the shard ${path} cannot be read (${message}); check the disk and its permissions`, { cause: error });
}
