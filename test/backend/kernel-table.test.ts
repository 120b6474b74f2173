/** One page says what the kernels' arguments are; what is written from it, and what is written by hand beside it, agree with it. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { INFERENCE_ROWS } from "#rbnet/backend/kernel-table/inference";
import { KERNEL_ROWS } from "#rbnet/backend/kernel-table/table";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** What the build writes, by path. */
const { kernelInterfaces }: { kernelInterfaces: () => Promise<ReadonlyMap<string, string>> } = await import(
  `${root}/scripts/kernel-interfaces.mjs`
);
/** What a page loads. */
const { RUNTIME_KERNELS }: { RUNTIME_KERNELS: Readonly<Record<"plain", readonly [string, number]>> } = await import(
  `${root}/dist/backend/wasm/runtime-kernels.js`
);
const kernels = Object.keys(KERNEL_ROWS);

/** The names that a text has where the expression's first group is. */
function namesIn(text: string, expression: RegExp): string[] {
  return [...text.matchAll(expression)].flatMap(([, names]) => names!.split(",").map((name) => name.trim()));
}

describe("the table of kernels", () => {
  it("is what the C header, the AssemblyScript constants and the modules' exports are written from", async () => {
    for (const [path, text] of await kernelInterfaces()) expect(readFileSync(`${root}/${path}`, "utf8"), path).toBe(text);
  });

  it("has its functions in the WebAssembly modules, all but the one that C alone has, and in a page's those of inference", async () => {
    const exportsOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<readonly string[]> =>
      WebAssembly.Module.exports(await WebAssembly.compile(bytes))
        .filter(({ kind }) => kind === "function")
        .map(({ name }) => name);
    const whole = await exportsOf(readFileSync(`${root}/dist/backend/wasm/kernels.wasm`));
    expect(whole.toSorted()).toEqual(kernels.filter((name) => name !== "peakTiles").toSorted());
    const page = await exportsOf(Uint8Array.from(Buffer.from(RUNTIME_KERNELS.plain[0], "base64")));
    expect(page.toSorted()).toEqual(Object.keys(INFERENCE_ROWS).toSorted());
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
