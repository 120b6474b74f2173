/** Where the repository is, seen from the compiled benchmarks, and the version of what they measure. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** The repository: dist-bench and bench both lie directly in it. */
export const repository = join(dirname(fileURLToPath(import.meta.url)), "..");

export function installedVersion(): string {
  const text: unknown = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  return z.object({ version: z.string() }).parse(text).version;
}
