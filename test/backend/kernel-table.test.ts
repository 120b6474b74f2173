/** One page says what the kernels' arguments are; what is written from it, and what is written by hand beside it, agree with it. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { KERNEL_ROWS } from "#rbnet/backend/kernel-table";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** What the build writes, by path. */
const { kernelInterfaces }: { kernelInterfaces: () => Promise<ReadonlyMap<string, string>> } = await import(
  `${root}/scripts/kernel-interfaces.mjs`
);
const kernels = Object.keys(KERNEL_ROWS);

/** The names that a text has where the expression's first group is. */
function namesIn(text: string, expression: RegExp): string[] {
  return [...text.matchAll(expression)].flatMap(([, names]) => names!.split(",").map((name) => name.trim()));
}

describe("the table of kernels", () => {
  it("is what the C header and the AssemblyScript constants are written from", async () => {
    for (const [path, text] of await kernelInterfaces()) expect(readFileSync(`${root}/${path}`, "utf8"), path).toBe(text);
  });

  it("has every function that the WebAssembly module exports, and no more but those that C alone has", () => {
    const index = readFileSync(`${root}/src/backend/wasm/assembly/index.ts`, "utf8");
    const exported = namesIn(index, /^export \{([^}]*)\}/gm);
    expect(exported.toSorted()).toEqual(kernels.filter((name) => name !== "peakTiles").toSorted());
  });

  it("has every kernel that C has", () => {
    const folder = `${root}/src/backend/native/kernels`;
    const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".c"));
    const text = sources.map((path) => readFileSync(`${folder}/${path}`, "utf8")).join("\n");
    const [defined, listed] = [namesIn(text, /^KERNEL\((\w+)\)/gm), namesIn(text, /^ {4}ENTRY\((\w+)\)/gm)];
    expect(defined.filter((name) => !kernels.includes(name))).toEqual([]);
    expect([...new Set(listed)].toSorted()).toEqual([...new Set(defined)].toSorted());
  });
});
