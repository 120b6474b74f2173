/**
 * What is no code of ours, found when it is needed: files of this package and packages beside it. They are looked for beside the compiled
 * code and, where a bundler has moved that, in the project that runs. Nothing here is written so that a bundler would follow it at build
 * time: native binaries and folders are none of what it can take along.
 */
import { existsSync } from "node:fs";
import * as modules from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Undefined in a bundle of CommonJS. */
const HERE: string | undefined = import.meta.url;

/** Under another name: bundlers follow a `createRequire` that they know, and warn of what they cannot read from the code. */
const { createRequire: requireFrom } = modules;

/** Files to look from. */
function places(): readonly string[] {
  return [...(HERE === undefined ? [] : [HERE]), join(process.cwd(), "package.json")];
}

/** The exports of an installed package or of a file. @throws what loading it throws, from beside the code */
export function requireInstalled(name: string): unknown {
  let failure: unknown;
  for (const place of places()) {
    try {
      return requireFrom(place)(name);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/** Where a package's file is; undefined where it is not installed. */
export function resolveInstalled(name: string): string | undefined {
  for (const place of places()) {
    try {
      return requireFrom(place).resolve(name);
    } catch {
      // Looked for in the next place.
    }
  }
  return undefined;
}

/** Path of a file or folder of this package, such as `models`; undefined where it is not there. */
export function packageFile(path: string): string | undefined {
  const manifest = resolveInstalled("rbnet/package.json");
  const roots = [
    ...(HERE?.startsWith("file:") ? [join(dirname(fileURLToPath(HERE)), "..")] : []),
    ...(manifest === undefined ? [] : [dirname(manifest)]),
  ];
  return roots.map((root) => join(root, path)).find((file) => existsSync(file));
}
