/**
 * What an image is known by when its views are looked up: its path below the folder of the training images and its class, whichever images
 * are held out or left out beside it, and wherever the folder has been moved; and what its pixels are known by.
 */
import { createHash } from "node:crypto";
import type { ImageSet } from "../dataset.js";

/** Words of 32 bits: a key has two, and the mark of an image's pixels is one. */
export const KEY_WORDS = 2;
export const IMAGE_BYTES = 4 * (KEY_WORDS + 1);

/** [images, 2], for images of `classes`. */
export function imageKeys(set: ImageSet, classes: readonly string[]): Uint32Array {
  const { source, count, labels } = set;
  const names = Array.from({ length: count }, (_, index) => set.nameOf(index).replaceAll("\\", "/"));
  // Few images may all lie in one of many shards, whose name is part of theirs.
  const shards = source.kind === "shards" ? source.paths.map((path) => path.replaceAll("\\", "/")) : undefined;
  const start = commonFolder(shards ?? names).length;
  const keys = new Uint32Array(KEY_WORDS * count);
  for (const [index, name] of names.entries()) {
    const digest = createHash("sha256")
      .update(`${name.slice(start)}\n${classes[labels[index]]}`)
      .digest();
    for (let word = 0; word < KEY_WORDS; word++) keys[KEY_WORDS * index + word] = digest.readUInt32LE(4 * word);
  }
  return keys;
}

/** With the slash at its end; "" where there is none. */
function commonFolder(paths: readonly string[]): string {
  let common = folderOf(paths[0] ?? "");
  for (const path of paths) while (!path.startsWith(common)) common = folderOf(common.slice(0, -1));
  return common;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

/** 32 bits that stand for the pixels [size, size, 3] of an image at a place of a batch, to the last bit. */
export function pixelMark(images: Float32Array, position: number, size: number): number {
  const floats = size ** 2 * 3;
  const bytes = new Uint8Array(images.buffer, images.byteOffset + 4 * position * floats, 4 * floats);
  return createHash("sha256").update(bytes).digest().readUInt32LE(0);
}

/** Where each image of `wanted` is among `known`, by keys; the index of the first that is not there, where there is one. */
export function rowsOf(wanted: Uint32Array, known: Uint32Array): Uint32Array | { readonly missing: number } {
  const name = (keys: Uint32Array, index: number): number => keys[2 * index] * 2 ** 21 + (keys[2 * index + 1] >>> 11);
  const places = new Map<number, number>();
  for (let row = 0; row < known.length / KEY_WORDS; row++) places.set(name(known, row), row);
  const rows = new Uint32Array(wanted.length / KEY_WORDS);
  for (let index = 0; index < rows.length; index++) {
    const row = places.get(name(wanted, index));
    const isSame = row !== undefined && wanted[2 * index] === known[2 * row] && wanted[2 * index + 1] === known[2 * row + 1];
    if (!isSame) return { missing: index };
    rows[index] = row;
  }
  return rows;
}
