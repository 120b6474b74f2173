/**
 * Writes what the kernels' languages share from one folder, src/backend/kernel-table: a C header with the arguments of each kernel as a
 * structure, the constants for C and AssemblyScript, what the two AssemblyScript modules export, and how the host lays out the arguments
 * of a call; and holds the AssemblyScript functions to the table. The build runs it before it compiles kernels; the files are in the
 * repository, so that a reader finds them.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import typescript from "typescript";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const TABLE = "src/backend/kernel-table";
/** What the table is made of, by its path in src/backend. */
const TABLE_FILES = ["kernel-table/table", "kernel-table/inference", "kernel-table/training", "kernel-table/constants", "terms"];
const ASSEMBLY = "src/backend/wasm/assembly";
const CALLS = "src/backend/wasm/layouts";
const HEADER = "src/backend/native/kernels/arguments.h";
const NOTICE = `// Written by scripts/kernel-interfaces.mjs from ${TABLE}: change that, and build.`;

const C_ELEMENTS = {
  float32: "float",
  int32: "int32_t",
  uint32: "uint32_t",
  accumulator: "double",
  dotProduct: "int16_t",
  product: "void",
  packed: "void",
};

/** The table as it is written, whether or not anything is built. */
async function readTable() {
  const folder = mkdtempSync(join(tmpdir(), "rbnet-table-"));
  try {
    mkdirSync(join(folder, "kernel-table"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    for (const file of TABLE_FILES) {
      const { outputText } = typescript.transpileModule(readFileSync(join(root, "src/backend", `${file}.ts`), "utf8"), {
        compilerOptions: { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ES2022 },
      });
      writeFileSync(join(folder, `${file}.js`), outputText);
    }
    const { KERNEL_ROWS, CONSTANTS } = await import(pathToFileURL(join(folder, "kernel-table/table.js")).href);
    const { INFERENCE_ROWS } = await import(pathToFileURL(join(folder, "kernel-table/inference.js")).href);
    const { TRAINING_ROWS } = await import(pathToFileURL(join(folder, "kernel-table/training.js")).href);
    return { KERNEL_ROWS, CONSTANTS, INFERENCE_ROWS, TRAINING_ROWS };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A member of a kernel's structure, and how it is taken from the numbers of a call. */
function memberOf([name, kind], index) {
  if (kind === "whole") return { member: `int ${name};`, value: `(int)parameters[${index}]` };
  if (kind === "real") return { member: `double ${name};`, value: `parameters[${index}]` };
  if (kind.startsWith("window")) return { member: `const Window *${name};`, value: `AT(parameters[${index}])` };
  const [access, element] = kind.replace("?", "").split(" ");
  return { member: `${access === "read" ? "const " : ""}${C_ELEMENTS[element]} *${name};`, value: `AT(parameters[${index}])` };
}

/** Kernels of one row have one structure, so that they can share their code. */
function structures(rows) {
  const known = new Map();
  return Object.entries(rows).map(([kernel, row]) => {
    const first = known.get(row);
    if (first !== undefined)
      return `typedef ${first}Arguments ${kernel}Arguments;\n#define ${kernel}ArgumentsOf ${first}ArgumentsOf\n`;
    known.set(row, kernel);
    const members = Object.entries(row).map(memberOf);
    return `typedef struct {
${members.map(({ member }) => `  ${member}`).join("\n")}
} ${kernel}Arguments;
inlined ${kernel}Arguments ${kernel}ArgumentsOf(char *memory, const double *parameters) {
  return (${kernel}Arguments){
${members.map(({ value }) => `      ${value},`).join("\n")}
  };
}
`;
  });
}

function headerOf({ CONSTANTS, KERNEL_ROWS }) {
  const constants = Object.entries(CONSTANTS)
    .sort()
    .map(([name, value]) => `#define ${name} ${value}`);
  return `${NOTICE}
#ifndef RBNET_ARGUMENTS_H
#define RBNET_ARGUMENTS_H
#include "vector.h"

${constants.join("\n")}

typedef struct Window Window;

/** Where an address of the shared memory is; NULL for 0. */
#define AT(address) ((address) == 0 ? NULL : (void *)(memory + (size_t)(address)))

${structures(KERNEL_ROWS).join("\n")}
#endif
`;
}

function constantsOf({ CONSTANTS }) {
  const lines = Object.entries(CONSTANTS)
    .sort()
    .map(([name, value]) => `export const ${name}: i32 = ${value};`);
  return `${NOTICE}\n${lines.join("\n")}\n`;
}

/** How a function of AssemblyScript takes an argument. */
function assemblyType(kind) {
  if (kind === "whole") return "i32";
  return kind === "real" ? "f64" : "usize";
}

/**
 * The files that export functions under the names of kernels, each with those names. Throws where a function's arguments are not the
 * table's, in its order.
 */
function findAssembly({ KERNEL_ROWS }) {
  const files = readdirSync(join(root, ASSEMBLY), { recursive: true, encoding: "utf8" }).map((path) =>
    path.replaceAll("\\", "/"),
  );
  const found = new Map();
  for (const file of files.filter((path) => path.endsWith(".ts")).sort()) {
    const text = readFileSync(join(root, ASSEMBLY, file), "utf8");
    for (const [, name, list] of text.matchAll(/export function (\w+)\(([^)]*)\)/g)) {
      const row = KERNEL_ROWS[name];
      const has = list.split(",").map((argument) => argument.trim().replace(/\s+/g, " "));
      const written = has.filter((argument) => argument !== "").join(", ");
      if (row === undefined || !written.startsWith("begin: i32")) continue;
      const own = Object.entries(row).map(([argument, kind]) => `${argument}: ${assemblyType(kind)}`);
      const expected = ["begin: i32", "end: i32", "scratch: usize", ...own].join(", ");
      if (written !== expected)
        throw new Error(`${ASSEMBLY}/${file}: ${name} takes (${written}), but ${TABLE} has (${expected})`);
      found.set(file, [...(found.get(file) ?? []), name]);
    }
  }
  return found;
}

/** A module that exports the kernels of `rows`, from where they are. */
function exportsOf(assembly, rows, comment) {
  const lines = [...assembly].flatMap(([file, names]) => {
    const wanted = names.filter((name) => Object.hasOwn(rows, name));
    if (wanted.length === 0) return [];
    return [`export {\n${wanted.map((name) => `  ${name},\n`).join("")}} from "./${file.replace(/\.ts$/, "")}";`];
  });
  return `${NOTICE}\n${comment}\n${lines.join("\n")}\n`;
}

/**
 * Functions that lay out the arguments of a call, given by their names, as numbers in the row's order. Written out, because a loop over the
 * names of a row took 160 ns a call where these take 60.
 */
function layoutsOf(rows, name, comment) {
  const known = new Map();
  const functions = [];
  for (const [kernel, row] of Object.entries(rows)) {
    if (known.has(row)) continue;
    known.set(row, kernel);
    const lines = Object.keys(row).map((argument, index) => `  numbers[${index}] = numberOf(given.${argument});`);
    functions.push(`const ${kernel}: Layout = (given, numbers) => {\n${lines.join("\n")}\n};`);
  }
  const entries = Object.entries(rows).map(([kernel, row]) =>
    known.get(row) === kernel ? kernel : `${kernel}: ${known.get(row)}`,
  );
  return `${NOTICE}
${comment}
import { type Layout, numberOf } from "./layout.js";

${functions.join("\n\n")}

export const ${name}: Readonly<Record<string, Layout>> = {
${entries.map((entry) => `  ${entry},`).join("\n")}
};
`;
}

const WHOLE_MODULE = [
  "// Every kernel works on a range of chunks [begin, end) of its job, so that a pool of workers can share it. What a chunk is depends",
  "// only on the shapes, never on the number of threads. `scratch` is memory of the calling thread; all pointers are into the shared " +
    "memory.",
].join("\n");
const RUNTIME_MODULE = "// What a deployed network needs, and no more: a page loads this build.";

/** The files by their paths, with the text that the table makes of them. */
export async function kernelInterfaces() {
  const table = await readTable();
  const assembly = findAssembly(table);
  return new Map([
    [HEADER, headerOf(table)],
    [`${ASSEMBLY}/constants.ts`, constantsOf(table)],
    [`${ASSEMBLY}/index.ts`, exportsOf(assembly, table.KERNEL_ROWS, WHOLE_MODULE)],
    [`${ASSEMBLY}/runtime.ts`, exportsOf(assembly, table.INFERENCE_ROWS, RUNTIME_MODULE)],
    [
      `${CALLS}/inference.ts`,
      layoutsOf(table.INFERENCE_ROWS, "INFERENCE_LAYOUTS", "// Of the kernels of a deployed network. A page loads these."),
    ],
    [
      `${CALLS}/training.ts`,
      layoutsOf(table.TRAINING_ROWS, "TRAINING_LAYOUTS", "// Of the kernels that training needs besides."),
    ],
  ]);
}

/** Files that are as they should be are left alone, for what is made of them is newer. */
export async function writeKernelInterfaces() {
  for (const [path, text] of await kernelInterfaces()) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
  }
}
