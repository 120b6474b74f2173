/**
 * Builds dist: the WebAssembly kernels by AssemblyScript, once plain and once with relaxed SIMD, and the TypeScript file by file.
 * Nothing is bundled, because workers are started from the file that lies next to their caller. The compilers run beside each
 * other, kernels whose sources did not change are left alone, and the native accelerator is built where a C compiler is.
 * `--clean` starts from an empty dist.
 */
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "vite";
import { buildNative } from "./build-native.mjs";
import { writeKernelInterfaces } from "./kernel-interfaces.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const assembly = join(root, "src/backend/wasm/assembly");
const kernels = join(root, "dist/backend/wasm");

/**
 * All builds come from one source; ASC_FEATURE_RELAXED_SIMD is a constant in it, true where the feature is enabled. `entry` says
 * which kernels are in; a memory that threads share is another kind of import than one that is not.
 */
const KERNEL_BUILDS = [
  { file: "kernels.wasm", entry: "index.ts", shared: true, relaxed: false },
  { file: "kernels-relaxed.wasm", entry: "index.ts", shared: true, relaxed: true },
];

/** Those that a page loads, in one file of code; by the names that runtime-kernels.d.ts declares. */
const RUNTIME_BUILDS = [
  { name: "plain", entry: "runtime.ts", shared: false, relaxed: false },
  { name: "relaxed", entry: "runtime.ts", shared: false, relaxed: true },
  { name: "plainShared", entry: "runtime.ts", shared: true, relaxed: false },
  { name: "relaxedShared", entry: "runtime.ts", shared: true, relaxed: true },
];

/** The memory is made by the backend; 65,536 pages are all that 32-bit addresses reach. */
const KERNEL_FLAGS = ["-O3", "--converge", "--noAssert", "--runtime", "stub", "--importMemory"].concat([
  "--initialMemory",
  "16",
  "--maximumMemory",
  "65536",
]);

/** Newest change, in milliseconds since 1970, among the inputs of the kernels; the flags in this file are one of them. */
function newestKernelInput() {
  const sources = readdirSync(assembly, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const inputs = sources.map((entry) => join(entry.parentPath, entry.name)).concat(fileURLToPath(import.meta.url));
  return Math.max(...inputs.map((input) => statSync(input).mtimeMs));
}

/** Runs a Node script with its output on ours; resolves to its exit code. */
function run(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, script), ...args], { cwd: root, stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

function compileKernels(output, { entry, shared, relaxed }) {
  const features = ["simd", "bulk-memory", ...(shared ? ["threads"] : []), ...(relaxed ? ["relaxed-simd"] : [])];
  const flags = [...KERNEL_FLAGS, ...(shared ? ["--sharedMemory"] : []), ...features.flatMap((name) => ["--enable", name])];
  return run("node_modules/assemblyscript/bin/asc.js", [join(assembly, entry), "--outFile", output, ...flags]);
}

/** Makes beside the final file and renames, so that a running program never loads half of it. */
async function replaceFile(output, newestInput, make) {
  if (existsSync(output) && statSync(output).mtimeMs > newestInput) return 0;
  const unfinished = join(dirname(output), `.${process.pid}-${basename(output)}`);
  const code = await make(unfinished);
  if (code === 0) renameSync(unfinished, output);
  else rmSync(unfinished, { force: true });
  return code;
}

function buildKernels(build, newestInput) {
  return replaceFile(join(kernels, build.file), newestInput, (output) => compileKernels(output, build));
}

/**
 * The place of the one byte in which a build for a memory that threads share differs: the kind of the memory's limits, 1 (with a
 * maximum) or 3 (and shared). So a page carries one of the two, and writes the byte.
 */
function memoryKindPlace(unshared, shared) {
  const places = [...unshared.keys()].filter((place) => unshared[place] !== shared[place]);
  const [place] = places;
  if (unshared.length !== shared.length || places.length !== 1 || unshared[place] !== 1 || shared[place] !== 3)
    throw new Error("builds with and without shared memory differ in more than the kind of their memory; carry both");
  return place;
}

/** The runtime's builds as one module of code: each unshared one as base64, and where the kind of its memory stands. */
function buildRuntimeKernels(newestInput) {
  return replaceFile(join(kernels, "runtime-kernels.js"), newestInput, async (output) => {
    const parts = RUNTIME_BUILDS.map((build) => ({ ...build, file: `${output}.${build.name}.wasm` }));
    const codes = await Promise.all(parts.map((part) => compileKernels(part.file, part)));
    const failed = codes.find((code) => code !== 0);
    if (failed === undefined) {
      const [plain, relaxed, plainShared, relaxedShared] = parts.map(({ file }) => readFileSync(file));
      const entries = [
        ["plain", plain, plainShared],
        ["relaxed", relaxed, relaxedShared],
      ].map(([name, code, shared]) => `  ${name}: ["${code.toString("base64")}", ${memoryKindPlace(code, shared)}],\n`);
      // For platforms that import compiled modules and compile none at run time.
      copyFileSync(parts[0].file, join(kernels, "runtime-kernels.wasm"));
      writeFileSync(join(kernels, "runtime-kernels.wasm.d.ts"), "declare const kernels: object;\nexport default kernels;\n");
      writeFileSync(output, `export const RUNTIME_KERNELS = {\n${entries.join("")}};\n`);
    }
    for (const { file } of parts) rmSync(file, { force: true });
    return failed ?? 0;
  });
}

/** What a thread of the runtime runs, with all that it imports, as text in a module: `export const THREAD_CODE = "..."`. */
async function writeThreadCode() {
  const { output } = await bundle({
    configFile: false,
    logLevel: "warn",
    build: {
      write: false,
      target: "es2022",
      minify: "oxc",
      rollupOptions: { input: join(kernels, "web-thread.js"), output: { format: "iife", entryFileNames: "thread.js" } },
    },
  });
  const unfinished = join(kernels, `.${process.pid}-thread-code.js`);
  writeFileSync(unfinished, `export const THREAD_CODE = ${JSON.stringify(output[0].code)};\n`);
  renameSync(unfinished, join(kernels, "thread-code.js"));
  return 0;
}

/** One after the other: the page's program imports files of the other's, and both write them. */
async function buildTypeScript() {
  const code = await run("node_modules/typescript/bin/tsc", ["--project", "tsconfig.json"]);
  if (code !== 0) return code;
  return (await run("node_modules/typescript/bin/tsc", ["--project", "tsconfig.page.json"])) || writeThreadCode();
}

if (process.argv.includes("--clean")) rmSync(join(root, "dist"), { recursive: true, force: true });
mkdirSync(kernels, { recursive: true });
await writeKernelInterfaces();
const newestInput = newestKernelInput();
const codes = await Promise.all([
  buildTypeScript(),
  buildNative(),
  buildRuntimeKernels(newestInput),
  ...KERNEL_BUILDS.map((build) => buildKernels(build, newestInput)),
]);
process.exitCode = codes.find((code) => code !== 0) ?? 0;
