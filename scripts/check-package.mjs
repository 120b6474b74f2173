/**
 * Packs the package, installs the tarball in an empty project and uses it there as its users do: the command, the import, the
 * types. What only works inside the repository (a file left out, a dependency that is only ours) fails here.
 * Needs a build. Prints a line a check and, as its last line, `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const project = mkdtempSync(join(tmpdir(), "rbnet-package-"));
let passed = 0;
let failed = 0;

/** Runs a program; its output, or an Error with all that it said. A program that cannot start counts as failed. */
function run(program, args, cwd = project) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (status !== 0)
    throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? `exit code ${status}\n${stdout}${stderr}`}`);
  return stdout;
}

function expectThat(condition, complaint) {
  if (!condition) throw new Error(complaint);
}

/** Counts one check; false when it failed, so that a later one that needs it can be left out. */
function check(name, body) {
  try {
    body();
    passed += 1;
    console.log(`ok      ${name}`);
    return true;
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.message}`);
    return false;
  }
}

/** Computes with two threads through the public names, so that the packed .wasm and the worker beside it have to be there. */
const PROGRAM = `
import { createWasmBackend, rbnet20, UserError } from "rbnet";
const backend = await createWasmBackend({ threads: 2 });
const tensor = backend.allocate("float32", [2, 2]);
backend.write(tensor, Float32Array.of(1, 2, 3, 4));
const read = await backend.read(tensor);
backend[Symbol.dispose]();
console.log(rbnet20({ classes: 10 }).name, read.join(), new UserError("").name);
`;

/** Where a page's bundler, and where Node, finds the runtime. */
const RUNTIME_PROGRAM = `
import { loadModel } from "rbnet/runtime";
console.log(typeof loadModel, import.meta.resolve("rbnet/runtime"));
`;

/** A model that comes along, by name. */
const SHIPPED_MODEL = "rbnet20-cifar10";

/** What a page may load, file by file as they are, gzipped, in bytes; bundled and minified it is three fifths of that. */
const RUNTIME_LIMIT = 46_000;
/** Of the whole package. */
const PACKAGE_LIMIT = 1_100_000;

/** A compiled module and all that it imports or starts, by path; throws where one is not a relative path. */
function closureOf(path, found = new Map()) {
  if (found.has(path)) return found;
  const code = readFileSync(path, "utf8");
  found.set(path, code);
  for (const [, named, started] of code.matchAll(/(?:\bfrom|\bimport)\s*"([^"]+)"|new URL\("([^"]+)"/g)) {
    const target = named ?? started;
    expectThat(target.startsWith("."), `${path} imports ${target}`);
    closureOf(join(dirname(path), target), found);
  }
  return found;
}

const TYPED_PROGRAM = `
import { type NetworkDescription, rbnet20, type Prediction, UserError } from "rbnet";
const network: NetworkDescription = rbnet20({ classes: ["cat", "dog"] });
const best = (answers: readonly Prediction[]): Prediction | undefined => answers[0];
// @ts-expect-error the number of classes is not a name
rbnet20({ classes: "cat" });
export { best, network, UserError };
`;

/** A page's program: what a browser can draw is an image there, and a path is none. */
const TYPED_PAGE = `
import { loadModel, type Prediction } from "rbnet/runtime/browser";
export async function best(picture: HTMLImageElement | ImageData | Blob): Promise<Prediction | undefined> {
  using classify = await loadModel("model.safetensors", { threads: 2 });
  // @ts-expect-error a path
  await classify("cat.jpg");
  return (await classify(picture, { top: 1 }))[0];
}
`;

const COMPILER_OPTIONS = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2023,dom"];

try {
  let tarball = "";
  const packed = check("packs what users need and nothing else", () => {
    const [report] = JSON.parse(run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], root));
    tarball = report.filename;
    const files = report.files.map((file) => file.path);
    for (const needed of [
      "dist/index.d.ts",
      "dist/backend/wasm/kernels.wasm",
      "dist/backend/wasm/kernels-relaxed.wasm",
      `models/${SHIPPED_MODEL}.safetensors`,
      "LICENSE",
      "docs/start.md",
      "examples/README.md",
      "studies/shapes.json",
    ]) {
      expectThat(files.includes(needed), `${needed} is missing from the tarball`);
    }
    const folders = /^(bin|dist|runtime|models|examples|integrations|studies)\/|^docs\/.*\.(md|svg)$|^docs\/vectors\//;
    const single = /^(README\.md|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md|package\.json)$/;
    const foreign = files.filter((path) => !folders.test(path) && !single.test(path));
    expectThat(foreign.length === 0, `not for users: ${foreign.join(", ")}`);
    const unwanted = files.find((path) => /tsbuildinfo|\.node$/.test(path));
    expectThat(unwanted === undefined, `${unwanted} is of this machine, but in the tarball`);
    expectThat(report.size < PACKAGE_LIMIT, `the tarball has ${report.size} bytes, at most ${PACKAGE_LIMIT} are allowed`);
  });
  const native = join(root, "dist/backend/native/rbnet.node");
  if (packed && existsSync(native)) {
    check("installs the accelerator of its platform with a release, and uses it", () => {
      const tarballs = run(process.execPath, [join(root, "scripts/pack-release.mjs"), project], root)
        .trim()
        .split("\n");
      const [main = "", , addon = ""] = tarballs;
      const folder = join(project, "release");
      mkdirSync(folder);
      writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "release", private: true }));
      // The registry has no packages of these names yet: without them npm goes on, as it does on a platform that none fits.
      run("npm", ["install", "--no-audit", "--no-fund", main, addon], folder);
      const { accelerator, backend } = JSON.parse(run("npx", ["--no-install", "rbnet", "doctor", "--json"], folder));
      expectThat(/node_modules.rbnet-native-/.test(accelerator.file), `unexpected accelerator: ${JSON.stringify(accelerator)}`);
      expectThat(/^(native|wasm), /.test(backend), `unexpected backend: ${backend}`);
      const { network } = JSON.parse(run("npx", ["--no-install", "rbnet", "summary", SHIPPED_MODEL, "--json"], folder));
      expectThat(network.startsWith("rbnet20"), `a release's own model is expected to be an rbnet20, not ${network}`);
    });
  }
  const installed =
    packed &&
    check("installs in an empty project", () => {
      mkdirSync(join(project, "app"));
      writeFileSync(join(project, "app", "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
      run("npm", ["install", "--no-audit", "--no-fund", join(project, tarball)], join(project, "app"));
    });
  if (installed) {
    const app = join(project, "app");
    check("runs its command", () => {
      const help = run("npx", ["--no-install", "rbnet", "--help"], app);
      for (const command of ["train", "eval", "predict", "export", "serve", "bench", "doctor", "summary"]) {
        expectThat(help.includes(command), `rbnet --help does not name ${command}:\n${help}`);
      }
    });
    check("is imported and starts its kernels", () => {
      writeFileSync(join(app, "program.mjs"), PROGRAM);
      const said = run(process.execPath, ["program.mjs"], app);
      expectThat(said.trim() === "rbnet20 1,2,3,4 UserError", `unexpected output: ${said}`);
    });
    check("has a runtime for Node, and one for pages that brings nothing else along and is small", () => {
      writeFileSync(join(app, "runtime.mjs"), RUNTIME_PROGRAM);
      const [inNode, inPage] = [[], ["--conditions=browser"]].map((flags) =>
        run(process.execPath, [...flags, "runtime.mjs"], app),
      );
      expectThat(/^function .*dist\/deploy\/load-model\.js$/m.test(inNode), `unexpected output: ${inNode}`);
      expectThat(/^function .*dist\/browser\/load-model\.js$/m.test(inPage), `unexpected output: ${inPage}`);
      const code = closureOf(join(app, "node_modules/rbnet/dist/browser/load-model.js"));
      const bytes = gzipSync([...code.values()].join("\n")).length;
      expectThat(bytes < RUNTIME_LIMIT, `a page would load ${bytes} bytes, at most ${RUNTIME_LIMIT} are allowed`);
    });
    check("gives its types to a strict program", () => {
      writeFileSync(join(app, "program.ts"), TYPED_PROGRAM);
      writeFileSync(join(app, "page.ts"), TYPED_PAGE);
      const files = ["program.ts", "page.ts"];
      run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...COMPILER_OPTIONS, ...files], app);
    });
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
