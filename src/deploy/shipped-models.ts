/**
 * Where models are found: the models that come with the package, in its folder models/, by the names of their files, and what runs have
 * written.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { packageFile } from "../installed.js";
import { runFile } from "../stores/run-folder.js";

const ENDING = ".safetensors";

/** In alphabetical order, such as `rbnet20-cifar10`. */
export function shippedModels(): readonly string[] {
  const folder = packageFile("models");
  if (folder === undefined) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith(ENDING));
  return files.map((file) => file.slice(0, -ENDING.length)).sort();
}

/** The file that is meant by a path, the folder of a run, or the name of a shipped model. A file of one's own comes first. */
export function modelFileOf(pathOrName: string): string {
  if (statSync(pathOrName, { throwIfNoEntry: false })?.isDirectory() === true) return runFile(pathOrName, "model");
  if (existsSync(pathOrName) || !shippedModels().includes(pathOrName)) return pathOrName;
  return packageFile(join("models", `${pathOrName}${ENDING}`)) ?? pathOrName;
}
