/**
 * Holds the sources to docs/architecture.md: imports point one way, a layer does not know which backend runs it, and what may
 * one day run in a browser imports nothing of Node. Read from the import statements, so a type counts as much as a value. Holds
 * what people write to lines of 140 columns.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = join(root, "src");

/** What each part of src may import besides itself. A part that is not named here does not belong in src. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  "living-process": ["errors"],
  "atomic-file": ["living-process", "errors"],
  "dispose-symbol": [],
  installed: [],
  "package-version": [],
  quantities: [],
  quantile: [],
  markup: [],
  problems: [],
  tensor: [],
  cluster: ["errors"],
  pixels: ["errors"],
  backend: ["pixels", "tensor", "installed", "errors"],
  runtime: ["pixels", "backend", "tensor", "errors"],
  layers: ["runtime", "backend", "tensor", "errors"],
  networks: ["layers", "runtime", "backend", "tensor", "errors"],
  data: ["pixels", "tensor", "installed", "atomic-file", "problems", "errors"],
  browser: ["dispose-symbol", "runtime", "pixels", "backend", "tensor", "errors"],
  page: ["browser", "runtime", "quantile", "errors"],
  serve: ["deploy", "runtime", "markup", "errors"],
  deploy: [
    "dispose-symbol",
    "installed",
    "stores",
    "pixels",
    "data",
    "networks",
    "layers",
    "runtime",
    "backend",
    "quantile",
    "tensor",
    "atomic-file",
    "errors",
  ],
  export: ["networks", "runtime", "pixels", "tensor", "package-version", "quantities", "atomic-file", "errors"],
  stores: ["cluster", "atomic-file", "living-process", "errors"],
  training: [
    "stores",
    "cluster",
    "pixels",
    "deploy",
    "data",
    "networks",
    "layers",
    "runtime",
    "backend",
    "quantities",
    "problems",
    "tensor",
    "errors",
  ],
  report: ["training", "networks", "data", "package-version", "quantities", "markup", "atomic-file"],
  study: [
    "report",
    "training",
    "stores",
    "cluster",
    "deploy",
    "data",
    "networks",
    "runtime",
    "backend",
    "package-version",
    "quantities",
    "quantile",
    "markup",
    "problems",
    "atomic-file",
    "errors",
  ],
  cli: [
    "export",
    "cluster",
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
    "problems",
    "atomic-file",
    "errors",
  ],
  index: [
    "cluster",
    "pixels",
    "study",
    "training",
    "deploy",
    "data",
    "networks",
    "layers",
    "runtime",
    "backend",
    "tensor",
    "errors",
  ],
};

/** What layers and backends both see. */
const CONTRACT = ["backend/kernels.js", "backend/image-kernels.js", "backend/terms.js", "backend/device.js"];

/**
 * Parts and files that run in a page, or will: the deployed network, and what training needs beside its kernels. What they import is held
 * to it as well.
 */
const PORTABLE: readonly string[] = [
  "tensor",
  "errors",
  "pixels",
  "runtime",
  "layers",
  "networks",
  "browser",
  "page",
  "cluster/alone.ts",
  "cluster/communicator.ts",
  "cluster/ordered-sum.ts",
  "data/dataset.ts",
  "data/random.ts",
  "data/augmentation/augmentation.ts",
  "data/augmentation/mixup.ts",
  "data/augmentation/raw-images.ts",
  "data/loading/batch-plan.ts",
  "data/loading/batch-source.ts",
  "data/loading/epoch-order.ts",
  "data/sets/memory-dataset.ts",
  "data/sets/split.ts",
  "data/sets/statistics.ts",
  "data/sets/subset.ts",
  "data/shapes/shapes.ts",
  "stores/run-store.ts",
  "training/costs/memory.ts",
  "training/records/epoch-record.ts",
  "training/records/metrics.ts",
  "training/run-control.ts",
  "training/settings/fit.ts",
  "training/settings/recipes.ts",
  "training/stage/stage-run.ts",
  "training/teachers/model-teacher.ts",
];

const LONGEST_LINE = 140;
/** A file that has more does more than one thing. */
const MOST_LINES = 300;

/** Folders, and files at the top, that people write. */
const WRITTEN: readonly string[] = [
  ".ci/run",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "README.md",
  "bench",
  "bin",
  "docs",
  "examples",
  "models",
  "scripts",
  "src",
  "test",
  "vitest.config.ts",
];

/** What a text editor opens; records (JSON), charts (SVG) and networks are written by programs. */
const PROSE_OR_CODE = /(^|\/)run$|\.(ts|mts|js|mjs|c|h|py|sh|css|html|md|grit)$/;

/** Packages that run anywhere. */
const PORTABLE_PACKAGES: readonly string[] = ["zod"];

/** What backends share besides: the table of kernels. */
const isShared = (target: string): boolean => CONTRACT.includes(target) || target.startsWith("backend/kernel-table/");

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

/** Paths of files in a folder, or of a file, from the root; what was installed, built or written by a run is left out. */
function writtenFiles(path: string): string[] {
  if (statSync(join(root, path)).isFile()) return PROSE_OR_CODE.test(path) ? [path] : [];
  const within = readdirSync(join(root, path)).filter((name) => !/^(\..*|node_modules|dist|site|__pycache__)$/.test(name));
  return within.flatMap((name) => writtenFiles(`${path}/${name}`));
}

/** Lines that are too long, by number; a row of a Markdown table and an address alone cannot be broken. */
function longLines(path: string, text: string): string[] {
  const unbreakable = (line: string): boolean => /^\s*<?https?:\S+$/.test(line) || (path.endsWith(".md") && line.startsWith("|"));
  return text.split(/\r?\n/).flatMap((line, index) => {
    return [...line].length <= LONGEST_LINE || unbreakable(line) ? [] : [`${path}:${index + 1}`];
  });
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

/** Files of src that a file of src imports. */
function importsOf(file: string): readonly string[] {
  return inside.filter((statement) => statement.file === file).map(({ target }) => target.replace(/\.js$/, ".ts"));
}

/** Some files and all that they import, directly or not. */
function reachedFrom(files: readonly string[], imports: (file: string) => readonly string[]): ReadonlySet<string> {
  const reached = new Set(files);
  for (const file of reached) for (const next of imports(file)) reached.add(next);
  return reached;
}

/** The sets of files that all reach one another. */
function circles(files: readonly string[], imports: (file: string) => readonly string[]): string[][] {
  const reached = new Map(files.map((file) => [file, reachedFrom(imports(file), imports)]));
  const circleOf = (file: string): string[] =>
    files.filter((other) => reached.get(file)?.has(other) && reached.get(other)?.has(file));
  const found = files.map((file) => circleOf(file).sort()).filter((circle) => circle.length > 0);
  return [...new Map(found.map((circle) => [circle.join(), circle])).values()];
}

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

  it("keeps the backends apart from one another, and from all but candidates.ts, which knows them", () => {
    const backendOf = (path: string): string | undefined => /^backend\/(\w+)\//.exec(path)?.[1];
    const within = inside.filter(({ file }) => file.startsWith("backend/") && file !== "backend/candidates.ts");
    const crossing = within.filter(({ file, target }) => {
      const [from, to] = [backendOf(file), backendOf(target)];
      // A backend imports itself and what all share; the files beside the backends import one another.
      if (to !== undefined) return from !== to;
      return from !== undefined && target.startsWith("backend/") && !isShared(target);
    });
    expect(within.length).toBeGreaterThan(50);
    expect(crossing).toEqual([]);
  });

  it("keeps Node out of what runs in a browser, and out of all that this imports", () => {
    const listed = PORTABLE.map((entry) => sourceFiles().filter((file) => file === entry || partOf(file) === entry));
    expect(PORTABLE.filter((_, index) => listed[index].length === 0)).toEqual([]);
    const portable = reachedFrom(listed.flat(), importsOf);
    const outside = statements.filter(({ file, target }) => portable.has(file) && !target.endsWith(".js"));
    expect(outside.filter(({ target }) => !PORTABLE_PACKAGES.includes(target))).toEqual([]);
  });

  it("has no files that import one another in a circle, not even for a type", () => {
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["c", "d"]],
      ["c", ["a"]],
      ["d", []],
    ]);
    expect(circles([...graph.keys()], (file) => graph.get(file) ?? [])).toEqual([["a", "b", "c"]]);
    expect(circles(sourceFiles(), importsOf)).toEqual([]);
  });
});

describe("lines", () => {
  it("are counted, but for rows of tables and addresses", () => {
    const [fits, long] = ["x".repeat(LONGEST_LINE), "x".repeat(LONGEST_LINE + 1)];
    const address = `https://example.org/${long}`;
    expect(longLines("a.md", [fits, long, `| ${long} |`, address, `see ${address}`].join("\n"))).toEqual(["a.md:2", "a.md:5"]);
    expect(longLines("a.ts", `| ${long}`)).toEqual(["a.ts:1"]);
  });

  it("have at most 140 columns in all that people write", () => {
    const files = WRITTEN.flatMap(writtenFiles);
    expect(files.length).toBeGreaterThan(300);
    expect(files.flatMap((file) => longLines(file, readFileSync(join(root, file), "utf8")))).toEqual([]);
  });

  it("are fewer than 300 in every source file that people write", () => {
    const files = writtenFiles("src");
    const texts = files.map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
    const written = texts.filter(({ text }) => !text.startsWith("// Written by scripts/"));
    expect(texts.length - written.length).toBeGreaterThan(3);
    const counts = written.map(({ file, text }) => ({ file, lines: text.split("\n").length - 1 }));
    expect(counts.filter(({ lines }) => lines >= MOST_LINES)).toEqual([]);
  });
});
