/** Folders of small pictures for the data tests, made on the fly and removed at the end of the test file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { temporaryFolder } from "../temporary-folder.js";

/** [height, width, 3]: smooth enough for JPEG, different for every `seed`. */
export function gradient(width: number, height: number, seed: number): Buffer {
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      pixels[at] = Math.round((255 * x) / width);
      pixels[at + 1] = Math.round((255 * y) / height);
      pixels[at + 2] = (seed * 37) % 256;
    }
  }
  return pixels;
}

export function picture(width: number, height: number, seed = 0): Sharp {
  return sharp(gradient(width, height, seed), { raw: { width, height, channels: 3 } });
}

/** Writes files given by path below `root`; the folders come by themselves. */
export function write(root: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [path, data] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), data);
  }
}

/** A folder with `perClass` PNG pictures of `side` pixels in each of the classes. */
export async function classFolder(classes: readonly string[], perClass: number, side = 32): Promise<string> {
  const root = temporaryFolder();
  let seed = 0;
  for (const name of classes) {
    for (let image = 0; image < perClass; image++) {
      write(root, { [`${name}/${String(image).padStart(3, "0")}.png`]: await picture(side, side, seed++).png().toBuffer() });
    }
  }
  return root;
}
