/** The compiled modules that the page loads: its script, and whatever the build has made that import. No other file is served. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const COMPILED = new URL("../", import.meta.url);
const ENTRY = "page/app.js";
/** Imports, and workers that start beside their caller. */
const REFERENCE = /(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+\.js)"|new URL\("(\.[^"]+\.js)", import\.meta\.url\)/g;

/** Each module's text by its path, such as `page/app.js`. */
export function pageCode(): ReadonlyMap<string, string> {
  const modules = new Map<string, string>();
  const wanted = new Set([ENTRY]);
  for (const path of wanted) {
    const text = readFileSync(fileURLToPath(new URL(path, COMPILED)), "utf8");
    modules.set(path, text);
    for (const [, imported, worker] of text.matchAll(REFERENCE))
      wanted.add(new URL(imported ?? worker ?? "", new URL(path, COMPILED)).href.slice(COMPILED.href.length));
  }
  return modules;
}
