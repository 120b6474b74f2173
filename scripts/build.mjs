/**
 * Builds dist: the WebAssembly kernels by AssemblyScript, once plain and once with relaxed SIMD, and the TypeScript file by
 * file. Nothing is bundled, because workers are started from the file that lies next to their caller. The compilers run
 * beside each other, kernels whose sources did not change are left alone, and the native accelerator is built where a C compiler is. `--clean` starts from an empty dist.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildNative } from "./build-native.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const assembly = join(root, "src/backend/wasm/assembly");
const kernels = join(root, "dist/backend/wasm");

/** Both builds come from one source; ASC_FEATURE_RELAXED_SIMD is a constant in it, true where the feature is enabled. */
const KERNEL_BUILDS = [
  { file: "kernels.wasm", features: ["simd", "threads", "bulk-memory"] },
  { file: "kernels-relaxed.wasm", features: ["simd", "threads", "bulk-memory", "relaxed-simd"] },
];

/** The memory is made by the backend, shared between its workers; 65,536 pages are all that 32-bit addresses reach. */
const KERNEL_FLAGS = ["-O3", "--converge", "--noAssert", "--runtime", "stub", "--importMemory", "--sharedMemory"].concat([
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

/** Compiles beside the final file and renames, so that a running program never loads half a module. */
async function buildKernels({ file, features }, newestInput) {
  const output = join(kernels, file);
  if (existsSync(output) && statSync(output).mtimeMs > newestInput) return 0;
  const unfinished = join(kernels, `.${process.pid}-${file}`);
  const enabled = features.flatMap((feature) => ["--enable", feature]);
  const args = [join(assembly, "index.ts"), "--outFile", unfinished, ...KERNEL_FLAGS, ...enabled];
  const code = await run("node_modules/assemblyscript/bin/asc.js", args);
  if (code === 0) renameSync(unfinished, output);
  else rmSync(unfinished, { force: true });
  return code;
}

if (process.argv.includes("--clean")) rmSync(join(root, "dist"), { recursive: true, force: true });
mkdirSync(kernels, { recursive: true });
const newestInput = newestKernelInput();
const codes = await Promise.all([
  run("node_modules/typescript/bin/tsc", ["--project", "tsconfig.json"]),
  buildNative(),
  ...KERNEL_BUILDS.map((build) => buildKernels(build, newestInput)),
]);
process.exitCode = codes.find((code) => code !== 0) ?? 0;
