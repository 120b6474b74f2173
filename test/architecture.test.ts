/**
 * Holds the sources to docs/architecture.md: imports point one way, a layer does not know which backend runs it, and what may
 * one day run in a browser imports nothing of Node. Read from the import statements, so a type counts as much as a value.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const sources = fileURLToPath(new URL("../src", import.meta.url));

/** What each part of src may import besides itself. A part that is not named here does not belong in src. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  "atomic-file": ["errors"],
  "package-version": [],
  quantities: [],
  tensor: [],
  pixels: ["errors"],
  backend: ["tensor", "errors"],
  runtime: ["pixels", "backend", "tensor", "errors"],
  layers: ["runtime", "backend", "tensor", "errors"],
  networks: ["layers", "runtime", "backend", "tensor", "errors"],
  data: ["pixels", "tensor", "atomic-file", "errors"],
  browser: ["runtime", "pixels", "backend", "tensor", "errors"],
  page: ["browser", "runtime"],
  serve: ["deploy", "runtime", "errors"],
  deploy: ["pixels", "data", "networks", "layers", "runtime", "backend", "tensor", "atomic-file", "errors"],
  stores: ["atomic-file", "errors"],
  training: ["stores", "pixels", "deploy", "data", "networks", "layers", "runtime", "backend", "tensor", "atomic-file", "errors"],
  report: ["training", "data", "package-version", "quantities", "atomic-file"],
  study: [
    "report",
    "training",
    "stores",
    "deploy",
    "data",
    "networks",
    "runtime",
    "backend",
    "package-version",
    "quantities",
    "atomic-file",
    "errors",
  ],
  cli: [
    "serve",
    "study",
    "report",
    "training",
    "stores",
    "pixels",
    "deploy",
    "data",
    "networks",
    "layers",
    "runtime",
    "backend",
    "tensor",
    "package-version",
    "quantities",
    "atomic-file",
    "errors",
  ],
  index: ["pixels", "study", "training", "deploy", "data", "networks", "layers", "runtime", "backend", "tensor", "errors"],
};

/** What layers and backends both see. */
const CONTRACT = ["backend/kernels.js", "backend/device.js"];

interface ImportStatement {
  readonly file: string;
  readonly target: string;
}

/** The part of src that a path belongs to: its first folder, or the file's own name at the top. */
function partOf(path: string): string {
  return path.split("/")[0].replace(/\.[jt]s$/, "");
}

/** Every import, export-from and import() of a text, as written. */
function importsIn(text: string): string[] {
  const statement = /(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g;
  return [...text.matchAll(statement)].map((match) => match[1]);
}

/** The AssemblyScript kernels are a program of their own, compiled apart: no file of TypeScript can import them. */
function sourceFiles(): string[] {
  const entries = readdirSync(sources, { recursive: true, encoding: "utf8" }).map((path) => path.replaceAll("\\", "/"));
  return entries.filter((path) => path.endsWith(".ts") && !path.startsWith("backend/wasm/assembly/"));
}

const statements: ImportStatement[] = sourceFiles().flatMap((file) =>
  importsIn(readFileSync(join(sources, file), "utf8")).map((target) => {
    const inside = target.startsWith(".");
    return { file, target: inside ? relative(".", join(dirname(file), target)).replaceAll("\\", "/") : target };
  }),
);
const inside = statements.filter(({ target }) => /\.js$/.test(target) && !target.startsWith("node:"));

describe("the architecture", () => {
  it("is read from real import statements", () => {
    expect(
      importsIn('import { a } from "./a.js";\nexport type { B } from "../b.js";\nawait import("./c.js");\nimport "d";'),
    ).toEqual(["./a.js", "../b.js", "./c.js", "d"]);
    expect(inside.length).toBeGreaterThan(50);
  });

  it("has no part of src that the table of allowed imports does not name", () => {
    expect(sourceFiles().filter((file) => !Object.hasOwn(ALLOWED, partOf(file)))).toEqual([]);
  });

  it("lets imports point one way only", () => {
    const wrong = inside.filter(({ file, target }) => {
      const from = partOf(file);
      const to = partOf(target);
      return from !== to && !(ALLOWED[from] ?? []).includes(to);
    });
    expect(wrong).toEqual([]);
  });

  it("keeps networks, layers and the runtime from knowing which backend runs them", () => {
    const independent = inside.filter(({ file }) => ["networks", "layers", "runtime"].includes(partOf(file)));
    const backends = independent.filter(({ target }) => partOf(target) === "backend" && !CONTRACT.includes(target));
    expect(backends).toEqual([]);
  });

  it("keeps the backends apart from one another; only open.ts chooses among them", () => {
    const crossing = inside.filter(({ file, target }) => {
      const [, backend] = file.split("/");
      const [part, other] = target.split("/");
      return (
        file.startsWith("backend/") &&
        file !== "backend/open.ts" &&
        part === "backend" &&
        !CONTRACT.includes(target) &&
        other !== backend
      );
    });
    expect(crossing).toEqual([]);
  });

  it("keeps Node out of what runs in a browser", () => {
    const portable = statements.filter(({ file }) =>
      ["networks", "layers", "runtime", "browser", "page", "pixels", "tensor", "errors"].includes(partOf(file)),
    );
    expect(portable.filter(({ target }) => target.startsWith("node:"))).toEqual([]);
  });
});
