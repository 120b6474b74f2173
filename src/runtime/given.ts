/**
 * What a program gives as a model or an image, told apart by what it is and not by whose it is: bytes and Blobs of another realm (a frame,
 * jsdom, a vm context) are instances of other constructors.
 */
import { UserError } from "../errors.js";

/** The bytes of a view or a buffer, of any realm; undefined for anything else. */
export function bytesGiven(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return /^\[object (Shared)?ArrayBuffer\]$/.test(kindOf(value)) ? new Uint8Array(value as ArrayBuffer) : undefined;
}

/** What is used of a Blob or File: named by its form, so that types hold where a compiler knows no Blob. */
export interface BlobLike {
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** What is used of a URL. */
export interface AddressLike {
  readonly href: string;
}

export function isBlob(value: unknown): value is BlobLike {
  return typeof value === "object" && value !== null && "arrayBuffer" in value && typeof value.arrayBuffer === "function";
}

/** An address in text, or a URL of any realm; undefined for anything else. */
export function addressGiven(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || !("href" in value)) return undefined;
  return typeof value.href === "string" ? value.href : undefined;
}

/**
 * @param expected what would have been right, for people
 * @throws UserError always
 */
export function refuseGiven(what: string, value: unknown, expected: string): never {
  throw new UserError(`${what} is ${described(value)}, but ${expected} is expected; give one of these`);
}

const SHOWN = 60;

/** The beginning of a text of the user's, which may be a whole file. */
export function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${text.length} characters)`;
}

function described(value: unknown): string {
  if (typeof value === "string") return `the text "${shortened(value)}"`;
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean") return String(value);
  return `a ${kindOf(value).slice("[object ".length, -1)}`;
}

function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}
