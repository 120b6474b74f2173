/**
 * Packs a release: rbnet, rbnet-runtime (the runtime alone, built from the same sources: for programs that train nothing), and a package
 * with the accelerator of the platform that this runs on. rbnet names the packages of all platforms as optional dependencies of exactly
 * its version, so that npm installs the one that fits, and nobody runs a script of ours. Needs a build.
 *
 * node scripts/pack-release.mjs <folder>   prints the tarballs' paths, one a line; REPOSITORY as in publish.mjs
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Those that scripts/build-native.mjs builds for; each is packed on a machine of its own kind. */
const PLATFORMS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const addon = join(root, "dist/backend/native/rbnet.node");
const description = {
  ...JSON.parse(readFileSync(join(root, "package.json"), "utf8")),
  // Known to who publishes; npm compares it with where the release was built.
  ...(process.env.REPOSITORY === undefined ? {} : { repository: { type: "git", url: `git+${process.env.REPOSITORY}.git` } }),
};

function packFolder(folder, target) {
  const { status, stdout, stderr } = spawnSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", target], {
    cwd: folder,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`npm pack in ${folder}: ${stderr}`);
  return join(target, JSON.parse(stdout)[0].filename);
}

/** The package of this platform, in `folder`. */
function writeNativePackage(folder) {
  const { version, license, author, repository } = description;
  const { platform, arch } = process;
  mkdirSync(folder);
  copyFileSync(addon, join(folder, "rbnet.node"));
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(
    join(folder, "README.md"),
    `The native accelerator of rbnet for ${platform} on ${arch}. rbnet installs it by itself where it fits.\n`,
  );
  const manifest = {
    name: `rbnet-native-${platform}-${arch}`,
    version,
    description: `The native accelerator of rbnet for ${platform} on ${arch}`,
    license,
    author,
    repository,
    os: [platform],
    cpu: [arch],
    ...(platform === "linux" ? { libc: ["glibc"] } : {}),
    main: "rbnet.node",
    files: ["rbnet.node"],
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
}

/** rbnet itself, with all that its description lists (npm leaves out again what it excludes), naming the packages of all platforms. */
function writeMainPackage(folder) {
  const { version, files, devDependencies: _development, scripts: _scripts, ...rest } = description;
  mkdirSync(folder);
  // Of a pattern the folder that it begins with: npm picks from it again.
  const names = new Set(files.filter((pattern) => !pattern.startsWith("!")).map((pattern) => pattern.split("/")[0]));
  for (const name of names) cpSync(join(root, name), join(folder, name), { recursive: true });
  const accelerators = Object.fromEntries(PLATFORMS.map((name) => [`rbnet-native-${name}`, version]));
  const optionalDependencies = { ...rest.optionalDependencies, ...accelerators };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ version, files, ...rest, optionalDependencies }, null, 2));
}

/** Where the runtime begins: in pages, where nothing says what runs it, and in Node. */
const RUNTIME_ENTRIES = ["browser/load-model", "browser/any-engine", "browser/webgpu", "deploy/load-model"];

/** A compiled file and all that it imports or starts, types with types and code with code, by their paths below dist. */
function closureOf(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  const text = readFileSync(join(root, "dist", path), "utf8");
  // What is imported only when it is asked for, the accelerator's side, is left out: without it there is WebAssembly.
  for (const [, imported, effect, started] of text.matchAll(/\bfrom "(\.[^"]+)"|\bimport "(\.[^"]+)"|new URL\("(\.[^"]+)"/g)) {
    const target = relative(join(root, "dist"), join(root, "dist", dirname(path), imported ?? effect ?? started));
    const file = path.endsWith(".d.ts") ? target.replace(/\.js$/, ".d.ts") : target;
    if (existsSync(join(root, "dist", file))) closureOf(file, found);
  }
  return found;
}

/** The runtime alone. sharp is a peer that only those install who give it picture files. */
function writeRuntimePackage(folder) {
  const {
    version,
    license,
    author,
    repository,
    engines,
    keywords,
    peerDependencies: _peers,
    dependencies,
    ...rest
  } = description;
  mkdirSync(folder);
  const files = new Set(
    RUNTIME_ENTRIES.flatMap((entry) => [`${entry}.js`, `${entry}.d.ts`]).flatMap((file) => [...closureOf(file)]),
  );
  for (const file of [...files, "backend/wasm/runtime-kernels.wasm", "backend/wasm/runtime-kernels.wasm.d.ts"]) {
    mkdirSync(join(folder, "dist", dirname(file)), { recursive: true });
    copyFileSync(join(root, "dist", file), join(folder, "dist", file));
  }
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  copyFileSync(join(root, "docs/ecosystem.md"), join(folder, "README.md"));
  const {
    "./runtime": runtime,
    "./runtime/browser": browser,
    "./runtime/node": node,
    "./runtime/webgpu": webgpu,
    "./runtime/kernels.wasm": kernels,
  } = rest.exports;
  const manifest = {
    name: "rbnet-runtime",
    version,
    description: "Runs the 1-bit image classifiers that rbnet trains: in Node, pages, workers and on the edge",
    keywords,
    license,
    author,
    repository,
    type: "module",
    engines,
    sideEffects: ["./dist/dispose-symbol.js", "./dist/browser/webgpu.js", "./dist/backend/wasm/web-thread.js"],
    exports: {
      ".": runtime,
      "./browser": browser,
      "./node": node,
      "./webgpu": webgpu,
      "./kernels.wasm": kernels,
      "./package.json": "./package.json",
    },
    main: "dist/deploy/load-model.js",
    browser: "dist/browser/load-model.js",
    types: "dist/browser/any-engine.d.ts",
    peerDependencies: { sharp: dependencies.sharp },
    peerDependenciesMeta: { sharp: { optional: true } },
    files: ["dist"],
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
}

const [target] = process.argv.slice(2);
if (target === undefined || !existsSync(target)) {
  console.error("a folder for the tarballs was expected: node scripts/pack-release.mjs <folder>");
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "rbnet-release-"));
try {
  writeMainPackage(join(folder, "rbnet"));
  console.log(packFolder(join(folder, "rbnet"), resolve(target)));
  writeRuntimePackage(join(folder, "runtime"));
  console.log(packFolder(join(folder, "runtime"), resolve(target)));
  if (existsSync(addon)) {
    writeNativePackage(join(folder, "native"));
    console.log(packFolder(join(folder, "native"), resolve(target)));
  } else console.error("no accelerator was built here, so there is no package of it");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
