/** `rbnet/runtime` where Node is not as usual: without sharp, in a bundle, with bytes of another realm, without WebAssembly, on threads. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, runInContext, runInNewContext } from "node:vm";
import { build } from "vite";
import { beforeAll, describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { loadModel } from "#rbnet/deploy/load-model";
import { UserError } from "#rbnet/errors";
import { decodeModel, encodeModel } from "#rbnet/runtime/model";
import { SIZE, smallModel } from "../runtime/small-model.js";
import { temporaryFolder } from "../temporary-folder.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pixels = { data: Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => (i * 7) % 256), width: SIZE, height: SIZE };
const folder = temporaryFolder();
const path = join(folder, "model.safetensors");
let file: Uint8Array;
let features: Float32Array;

beforeAll(async () => {
  using backend = await createWasmBackend({ threads: 1 });
  file = encodeModel(await smallModel(backend));
  writeFileSync(path, file);
  using classify = await loadModel(file, { backend: "wasm" });
  features = await classify.features(pixels);
});

/** What a program that has `loadModel` and `pixels` says; Node is started with `flags`. */
function said(
  program: string,
  flags: readonly string[] = [],
  cwd = folder,
): { status: number | null; stdout: string; stderr: string } {
  const text = `const data = Uint8Array.from({ length: ${SIZE * SIZE * 3} }, (_, i) => (i * 7) % 256);
const pixels = { data, width: ${SIZE}, height: ${SIZE} };
const { loadModel } = await import(${JSON.stringify(join(root, "dist/deploy/load-model.js"))});
const said = (error) => console.log(error.name + ": " + error.message);
${program}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, "--input-type=module", "--eval", text], {
    cwd,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("rbnet/runtime in Node", () => {
  it("computes the same on threads whose code comes with it, and says how many there are", async () => {
    using classify = await loadModel(file, { threads: 3, backend: "wasm" });
    expect(classify.facts.backend).toMatch(/^wasm, \w+ SIMD, 3 threads$/);
    expect(await classify.features(pixels)).toEqual(features);
  });

  it("loads sharp with the first picture, and without sharp runs on pixels", () => {
    const program = `
import { createRequire } from "node:module";
const require = createRequire(${JSON.stringify(join(root, "package.json"))});
const classify = await loadModel("model.safetensors", { backend: "wasm" });
console.log((await classify.features(pixels)).length);
console.log(Object.keys(require.cache).some((name) => /node_modules.sharp/.test(name)));
await classify("picture.jpg").catch(said);
classify.dispose();`;
    const hook = join(folder, "no-sharp.cjs");
    writeFileSync(
      hook,
      `const modules = require("node:module");
const load = modules._load;
modules._load = (name, ...rest) => {
  if (name === "sharp") throw new Error("Cannot find module 'sharp'");
  return load(name, ...rest);
};`,
    );
    writeFileSync(join(folder, "picture.jpg"), Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16));
    const { stdout, stderr } = said(program, ["--require", hook]);
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toEqual([
      String(features.length),
      "false",
      expect.stringMatching(/^UserError: pictures are decoded by the package sharp, .*npm install sharp, or give pixels/),
      "",
    ]);
    expect(said(program).stdout).toMatch(/false\nBadImageError|false\nUserError/);
  });

  it("says that there is no WebAssembly", () => {
    const { stdout } = said(`await loadModel("model.safetensors", { backend: "wasm" }).catch(said);`, [
      "--jitless",
      "--no-warnings",
    ]);
    expect(stdout).toMatch(/^UserError: this engine has no WebAssembly.*Node without --jitless\n$/);
  });

  it("takes bytes and Blobs of another realm, as jsdom has them", async () => {
    const realm = createContext({ length: file.length });
    const foreign = runInContext("new Uint8Array(length)", realm) as Uint8Array;
    foreign.set(file);
    expect(foreign).not.toBeInstanceOf(Uint8Array);
    const blob = { size: file.length, type: "", arrayBuffer: async () => foreign.buffer as ArrayBuffer };
    for (const source of [foreign, foreign.buffer as ArrayBuffer, blob]) {
      using classify = await loadModel(source, { backend: "wasm" });
      const other = runInContext(`new Uint8Array(${pixels.data.length})`, realm) as Uint8Array;
      other.set(pixels.data);
      expect(await classify.features({ ...pixels, data: other })).toEqual(features);
    }
  });

  it("reads a model where there is no TextDecoder, and repeats nothing of a long text", async () => {
    const { TextDecoder } = globalThis;
    try {
      Object.assign(globalThis, { TextDecoder: undefined });
      expect(decodeModel(file, "it").classes).toContain("crème brûlée");
    } finally {
      Object.assign(globalThis, { TextDecoder });
    }
    const long = "x".repeat(280_000);
    for (const source of [long, `https://127.0.0.1:1/${long}`, `ftp://example.org/${long}`]) {
      const error: unknown = await loadModel(source).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).message.length).toBeLessThan(400);
    }
    await expect(loadModel(5 as never)).rejects.toThrow(/^the model is 5, but a path, /);
    using classify = await loadModel(file, { backend: "wasm" });
    await expect(classify(null as never)).rejects.toThrow(/^the image is null, but a path, /);
  });

  it("runs in a bundle for servers, and says of the models that came along that they are not there", {
    timeout: 60_000,
  }, async () => {
    const project = temporaryFolder();
    mkdirSync(join(project, "node_modules"));
    symlinkSync(root, join(project, "node_modules/rbnet"), "junction");
    writeFileSync(
      join(project, "server.js"),
      `import { loadModel } from "rbnet/runtime";
const classify = await loadModel(process.argv[2], { threads: 2 });
const pixels = { data: new Uint8Array(${SIZE * SIZE * 3}), width: ${SIZE}, height: ${SIZE} };
console.log(classify.facts.backend, (await classify.features(pixels)).length);
classify.dispose();
`,
    );
    await build({
      root: project,
      configFile: false,
      logLevel: "error",
      ssr: { noExternal: true },
      build: { ssr: "server.js", outDir: "out", rollupOptions: { external: [/^sharp/] } },
    });
    const elsewhere = temporaryFolder();
    cpSync(join(project, "out"), join(elsewhere, "out"), { recursive: true });
    const run = (model: string) => spawnSync(process.execPath, ["out/server.mjs", model], { cwd: elsewhere, encoding: "utf8" });
    expect(run(path)).toMatchObject({ status: 0, stdout: `wasm, relaxed SIMD, 2 threads ${features.length}\n` });
    expect(run("rbnet20-cifar10").stderr).toMatch(/those that come with rbnet are not here/);
  });

  it("gives Symbol.dispose to an engine without it, the one that compilers' helpers make", () => {
    const code = readFileSync(join(root, "dist/dispose-symbol.js"), "utf8").replace(/export \{\};?/, "");
    const own = Object.assign(() => undefined, { for: Symbol.for });
    runInNewContext(code, { Symbol: own });
    expect((own as { dispose?: symbol }).dispose).toBe(Symbol.for("Symbol.dispose"));
    const current = Object.assign(() => undefined, { for: Symbol.for, dispose: Symbol.iterator });
    runInNewContext(code, { Symbol: current });
    expect(current.dispose).toBe(Symbol.iterator);
  });
});
