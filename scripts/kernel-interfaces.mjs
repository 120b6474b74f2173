/**
 * Writes what the kernels' languages share from one page, src/backend/kernel-table.ts: a C header with the arguments of each kernel as a structure, and the
 * constants for C and AssemblyScript; and holds the AssemblyScript functions to the page. The build runs it before it compiles kernels; the files are in the
 * repository, so that a reader finds them.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import typescript from "typescript";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const TABLE = "src/backend/kernel-table.ts";
const ASSEMBLY = "src/backend/wasm/assembly";
const HEADER = "src/backend/native/kernels/arguments.h";
const ASSEMBLY_CONSTANTS = `${ASSEMBLY}/constants.ts`;
const NOTICE = `// Written by scripts/kernel-interfaces.mjs from ${TABLE}: change that, and build.`;

const C_ELEMENTS = {
  float32: "float",
  uint32: "uint32_t",
  accumulator: "double",
  dotProduct: "int16_t",
  product: "void",
  packed: "void",
};

/** The table as it is written, whether or not anything is built. */
async function readTable() {
  const source = readFileSync(join(root, TABLE), "utf8");
  const { outputText } = typescript.transpileModule(source, {
    compilerOptions: { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ES2022 },
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputText).toString("base64")}`);
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
  const constants = Object.entries(CONSTANTS).map(([name, value]) => `#define ${name} ${value}`);
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
  const lines = Object.entries(CONSTANTS).map(([name, value]) => `export const ${name}: i32 = ${value};`);
  return `${NOTICE}\n${lines.join("\n")}\n`;
}

/** How a function of AssemblyScript takes an argument. */
function assemblyType(kind) {
  if (kind === "whole") return "i32";
  return kind === "real" ? "f64" : "usize";
}

/** What is exported under the name of a kernel has the table's arguments, in its order. */
function checkAssembly({ KERNEL_ROWS }) {
  const files = readdirSync(join(root, ASSEMBLY), { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  for (const file of files) {
    const text = readFileSync(join(root, ASSEMBLY, file), "utf8");
    for (const [, name, list] of text.matchAll(/export function (\w+)\(([^)]*)\)/g)) {
      const row = KERNEL_ROWS[name];
      const found = list
        .split(",")
        .map((argument) => argument.trim())
        .filter((argument) => argument !== "");
      if (row === undefined || found[0] !== "begin: i32") continue;
      const own = Object.entries(row).map(([argument, kind]) => `${argument}: ${assemblyType(kind)}`);
      const expected = ["begin: i32", "end: i32", "scratch: usize", ...own].join(", ");
      if (found.join(", ") !== expected)
        throw new Error(`${ASSEMBLY}/${file}: ${name} takes (${found.join(", ")}), but ${TABLE} has (${expected})`);
    }
  }
}

/** The files by their paths, with the text that the table makes of them. */
export async function kernelInterfaces() {
  const table = await readTable();
  checkAssembly(table);
  return new Map([
    [HEADER, headerOf(table)],
    [ASSEMBLY_CONSTANTS, constantsOf(table)],
  ]);
}

/** Files that are as they should be are left alone, for what is made of them is newer. */
export async function writeKernelInterfaces() {
  for (const [path, text] of await kernelInterfaces()) {
    const file = join(root, path);
    if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
  }
}
