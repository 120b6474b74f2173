/** The models that come with the package, in its folder models/, by the names of their files. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = new URL("../../models/", import.meta.url);
const ENDING = ".safetensors";

/** In alphabetical order, such as `rbnet20-cifar10`. */
export function shippedModels(): readonly string[] {
  if (!existsSync(FOLDER)) return [];
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(ENDING));
  return files.map((file) => file.slice(0, -ENDING.length)).sort();
}

/** The file that is meant by a path or by the name of a shipped model. A file of one's own comes first. */
export function modelFileOf(pathOrName: string): string {
  if (existsSync(pathOrName) || !shippedModels().includes(pathOrName)) return pathOrName;
  return fileURLToPath(new URL(`${pathOrName}${ENDING}`, FOLDER));
}
