/**
 * Packages that only tests of exported graphs use, and that are too large to be dependencies of development: found in the folder that
 * RBNET_INTEROP names, where `npm install @huggingface/transformers onnxruntime-web` was run.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The folder of an installed package, or undefined: its tests are skipped then. */
export function installedElsewhere(name: string): string | undefined {
  const base = process.env.RBNET_INTEROP;
  const folder = base === undefined ? undefined : join(base, "node_modules", name);
  if (folder !== undefined && existsSync(folder)) return folder;
  console.warn(`${name} is not installed in a folder that RBNET_INTEROP names: its tests are skipped`);
  return undefined;
}
