/**
 * What lies in a folder, sorted out: folders, files that are images by their ending or content, and all else, which is counted by kind.
 * Litter that systems leave behind is none of a person's data.
 */
import { type Dirent, lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative } from "node:path";
import { codeOf, messageOf, UserError } from "../../errors.js";
import {
  CAMERA_RAW,
  CAMERA_RAW_NAME,
  contentOf,
  EMPTY_FILE,
  IMAGE_FILE_NAME,
  type OtherContent,
  TEXT_FILE,
} from "../decoding/file-content.js";
import { headOf, refusalOf } from "../decoding/image-input.js";
import type { LeftOutCounter, LeftOutKind } from "./left-out.js";

export interface ImagePath {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface FolderEntries {
  /** Names, sorted by code unit; linked folders too. */
  readonly folders: readonly string[];
  readonly images: readonly ImagePath[];
}

/** Of macOS, Windows, Linux, and storage in a network; hidden files anywhere. */
const LITTER_NAMES: readonly RegExp[] = [
  /^(\..*|__MACOSX|Icon\r)$/i,
  /^(Thumbs\.db|ehthumbs(_vista)?\.db|desktop\.ini|\$RECYCLE\.BIN|System Volume Information)$/i,
  /^(lost\+found|@eaDir|#recycle|@Recycle)$/i,
];
const TEXT_NAME = /\.(txt|json|jsonl|xml|csv|tsv|ya?ml|md)$/i;

const LITTER: LeftOutKind = {
  litter: true,
  one: "a hidden file or one of a system's own",
  many: "hidden files and those of a system's own",
};
const BROKEN_LINK: OtherContent = { one: "a link that leads nowhere", many: "links that lead nowhere" };
const LINK_BACK: OtherContent = {
  one: "a link back to a folder that it lies in",
  many: "links back to folders that they lie in",
};
const UNNAMED: OtherContent = {
  one: "a file whose name is not UTF-8",
  many: "files whose names are not UTF-8",
  advice: "rename them",
};
const SPECIAL: OtherContent = { one: "a special file", many: "special files" };
const UNREADABLE: OtherContent = {
  one: "a file that may not be read",
  many: "files that may not be read",
  advice: "change their permissions",
};

/** What a name that is not UTF-8 has in place of the bytes that are not. */
const REPLACEMENT = "\uFFFD";

/**
 * Sorts out one folder; what is neither an image nor a folder goes to `leftOut`.
 *
 * @throws UserError where the folder cannot be read, or holds one whose name is not UTF-8
 */
export function readEntries(folder: string, leftOut: LeftOutCounter): FolderEntries {
  const folders: string[] = [];
  const images: ImagePath[] = [];
  for (const entry of sortedEntries(folder)) {
    const path = join(folder, entry.name);
    if (isLitter(entry.name)) leftOut.add(LITTER, path);
    else if (entry.isFile() || entry.isSymbolicLink() || entry.isDirectory()) {
      const status = statusOf(path);
      if (status?.isDirectory()) folders.push(entry.name);
      else if (status?.isFile()) {
        const refusal = refusalOfFile(path, status);
        if (refusal === undefined) images.push({ path, bytes: status.size, modifiedMs: status.mtimeMs });
        else leftOut.add(refusal, path);
      } else if (status === undefined && entry.name.includes(REPLACEMENT)) {
        if (entry.isDirectory()) throw unnamed(folder, entry.name);
        leftOut.add(UNNAMED, path);
      } else leftOut.add(status === undefined && entry.isSymbolicLink() ? BROKEN_LINK : SPECIAL, path);
    } else leftOut.add(SPECIAL, path);
  }
  return { folders, images };
}

/**
 * All images in a folder and in those inside it, each folder once, however it is reached. A link back to a folder above is left out: it
 * would bring along what lies beside.
 */
export function imagesBelow(folder: string, leftOut: LeftOutCounter, visited: Set<string> = new Set()): readonly ImagePath[] {
  const { dev, ino } = statSync(folder, { bigint: true });
  const identity = `${dev}:${ino}`;
  if (visited.has(identity)) return [];
  visited.add(identity);
  const { folders, images } = readEntries(folder, leftOut);
  const below = folders.flatMap((name) => {
    const path = join(folder, name);
    if (!isLinkBack(path)) return imagesBelow(path, leftOut, visited);
    leftOut.add(LINK_BACK, path);
    return [];
  });
  return [...images, ...below];
}

function isLinkBack(path: string): boolean {
  if (!lstatSync(path).isSymbolicLink()) return false;
  const wayDown = relative(realpathSync(path), realpathSync(dirname(path)));
  return !wayDown.startsWith("..") && !isAbsolute(wayDown);
}

/** Names of litter, which count for nothing. */
export function isLitter(name: string): boolean {
  return LITTER_NAMES.some((litter) => litter.test(name));
}

/** The ending is believed where it is an image's: opening each of a million files would take minutes. */
function refusalOfFile(path: string, { size }: Stats): OtherContent | undefined {
  if (IMAGE_FILE_NAME.test(path)) return undefined;
  if (size === 0) return EMPTY_FILE;
  if (CAMERA_RAW_NAME.test(path)) return CAMERA_RAW;
  if (TEXT_NAME.test(path)) return TEXT_FILE;
  try {
    return refusalOf(contentOf(headOf(path)));
  } catch {
    return UNREADABLE;
  }
}

/** Undefined where a path leads nowhere, also in a circle. */
function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function sortedEntries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** The bytes that are not UTF-8 as \xfc. */
function unnamed(folder: string, name: string): UserError {
  const raw = readdirSync(folder, { encoding: "buffer" }).find((bytes) => bytes.toString() === name) ?? Buffer.from(name);
  const shown = raw.toString("latin1").replace(/[^ -~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return new UserError(`the name of the folder ${shown} in ${folder} is not UTF-8: give it another name`);
}

function unreadable(folder: string, error: unknown): UserError {
  const code = codeOf(error);
  const expected = "give a folder with one sub-folder of images per class";
  if (code === "ENOENT") return new UserError(`there is no folder ${folder}: ${expected}`);
  if (code === "ENOTDIR") return new UserError(`${folder} is ${fileText(folder)}`);
  if (code === "EACCES" || code === "EPERM") return new UserError(`the folder ${folder} may not be read: change its permissions`);
  return new UserError(`the folder ${folder} cannot be read (${messageOf(error)})`);
}

function fileText(path: string): string {
  const expected = "give a folder with one sub-folder of images per class";
  try {
    const content = contentOf(headOf(path));
    if (typeof content !== "string" && content.advice?.startsWith("unpack"))
      return `${content.one}: unpack it, and give the folder with one sub-folder of images per class`;
  } catch {
    // Whatever it is, it is no folder.
  }
  return `a file: ${expected}`;
}
