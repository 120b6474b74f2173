/**
 * Builds the optional native accelerator, where a C compiler is at hand: the kernels once for each instruction set of this kind
 * of processor, and the addon around them. Without a compiler nothing is built and nothing is wrong. $CC names another compiler
 * than `cc`.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const sources = join(root, "src/backend/native");
const folder = join(root, "dist/backend/native");
const output = join(folder, "rbnet.node");
const headers = join(root, "node_modules/node-api-headers/include");

const AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma", "-mprefer-vector-width=512"];

const POPCOUNT = [...AVX512, "-mavx512vpopcntdq", "-mavx512bitalg"];
/** Compilers from GCC 11 and Clang 12 on know these; older ones build an accelerator without the sets that take them. */
const BFLOAT16 = [...POPCOUNT, "-mbmi2", "-mavx512bf16"];
const TILES = [...BFLOAT16, "-mamx-tile", "-mamx-bf16"];

/** The tables that addon.c knows, by kind of processor, with the flags that allow their instructions. PIECES: see tiles.h. */
const INSTRUCTION_SETS = {
  x64: {
    "avx512-amx": [...TILES, "-DPIECES=3"],
    "avx512-amx-bfloat16": [...TILES, "-DPIECES=1"],
    "avx512-bfloat16": [...BFLOAT16, "-DPIECES=1"],
    "avx512-popcount": POPCOUNT,
    avx512: AVX512,
    avx2: ["-mavx2", "-mfma"],
    plain: [],
  },
  arm64: { neon: ["-DWITH_NEON"], plain: [] },
};

/** The C name of a set's table: avx512-popcount has avx512PopcountKernels. */
function tableName(set) {
  return `${set.replace(/-(.)/g, (_, letter) => letter.toUpperCase())}Kernels`;
}

/** Sums keep their order, so that results are the same on any number of threads and with any compiler flag left out here. */
const FLAGS = ["-std=gnu11", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra"];

function kernelSources() {
  const files = readdirSync(sources, { recursive: true, withFileTypes: true }).filter((entry) => /\.[ch]$/.test(entry.name));
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}

/**
 * What addon and callers have to agree on: a digest of the kernels, of how they are built, and of the arguments and constants that both
 * take from kernel-table.ts: the header that is written from it is one of the sources.
 */
function contractDigest() {
  const hash = createHash("sha256");
  for (const path of [...kernelSources(), fileURLToPath(import.meta.url)]) hash.update(readFileSync(path));
  return hash.digest("hex").slice(0, 16);
}

function compile(compiler, args) {
  return new Promise((resolve) => {
    const child = spawn(compiler, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", () => resolve(1));
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** Why nothing can be built here, or undefined. */
function obstacle(compiler) {
  if (process.platform === "win32") return "Windows is not supported by the accelerator's build";
  if (INSTRUCTION_SETS[process.arch] === undefined) return `the accelerator knows no ${process.arch} processors`;
  if (!existsSync(headers)) return "the headers of Node-API are not installed";
  if (spawnSync(compiler, ["--version"], { stdio: "ignore" }).status !== 0) return `there is no C compiler "${compiler}"`;
  return undefined;
}

/** The sets that the compiler can build, by name. */
function instructionSets(compiler) {
  const sets = Object.entries(INSTRUCTION_SETS[process.arch]);
  const knowsTiles = spawnSync(compiler, [...TILES, "-fsyntax-only", "-x", "c", "-"], { input: "", stdio: "pipe" }).status === 0;
  return knowsTiles ? sets : sets.filter(([, flags]) => !flags.includes("-mavx512bf16"));
}

/** 0 where the accelerator is built or up to date, or cannot be built here; 1 where its sources do not compile. */
export async function buildNative() {
  const compiler = process.env.CC ?? "cc";
  const contract = contractDigest();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "contract.json"), `${JSON.stringify(contract)}\n`);
  // The addon holds the digest that it was built with.
  if (existsSync(output) && readFileSync(output).includes(contract)) return 0;
  const reason = obstacle(compiler);
  if (reason !== undefined) {
    console.error(`native accelerator left out: ${reason}; WebAssembly does all the work`);
    return 0;
  }
  const objects = mkdtempSync(join(folder, ".build-"));
  try {
    const sets = instructionSets(compiler);
    const units = sets.map(([name, flags]) => ({
      source: "kernels/build.c",
      object: join(objects, `${name}.o`),
      flags: [...flags, `-DTABLE_NAME=${tableName(name)}`],
    }));
    const withBfloat16 = sets.some(([name]) => name === "avx512-bfloat16") ? ["-DWITH_BFLOAT16"] : [];
    units.push({
      source: "addon.c",
      object: join(objects, "addon.o"),
      flags: [`-I${headers}`, `-DCONTRACT="${contract}"`, ...withBfloat16],
    });
    const codes = await Promise.all(
      units.map(({ source, object, flags }) =>
        compile(compiler, [...FLAGS, ...flags, "-c", join(sources, source), "-o", object]),
      ),
    );
    if (codes.some((code) => code !== 0)) return 1;
    const library = join(objects, "rbnet.node");
    const undefinedSymbols = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
    const code = await compile(compiler, ["-shared", ...undefinedSymbols, ...units.map(({ object }) => object), "-o", library]);
    // Renamed into place, so that a running program keeps the library it has loaded.
    if (code === 0) renameSync(library, output);
    return code;
  } finally {
    rmSync(objects, { recursive: true, force: true });
  }
}
