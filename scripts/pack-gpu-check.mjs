/**
 * Packs what scripts/check-gpu.sh needs on a bare Linux machine into one file: Node itself, the built code with its accelerator, the tests
 * and benchmarks that it runs, and the packages that these load, WebGPU for this platform only.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** What may be carried to such a machine. */
const LIMIT = 64 * 2 ** 20;

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const packages = join(root, "node_modules");
const [file] = process.argv.slice(2);
const out = resolve(file);

for (const built of ["dist", "dist-bench"])
  if (!existsSync(join(root, built))) stop(`${built} is missing: run npm run bench -- --help first, which builds it`);
if (!existsSync(join(packages, "webgpu"))) stop("the package webgpu is missing: run npm ci first");

const folder = mkdtempSync(join(tmpdir(), "rbnet-gpu-"));
try {
  const target = join(folder, "check-gpu");
  mkdirSync(target);
  for (const path of ["dist", "dist-bench", "package.json", "vitest.config.ts", "test", "bench/peers", "scripts/check-gpu.sh"])
    cpSync(join(root, path), join(target, path), { recursive: true, filter: (from) => !from.includes("node_modules") });
  cpSync(process.execPath, join(target, "node"), { dereference: true });
  for (const name of closure(["webgpu", "vitest", "fast-check", ...Object.keys(manifest(root).dependencies)]))
    cpSync(join(packages, name), join(target, "node_modules", name), { recursive: true, dereference: true });
  const binaries = join(target, "node_modules", "webgpu", "dist");
  for (const platform of readdirSync(binaries))
    if (platform !== `${process.platform}-${process.arch}`) rmSync(join(binaries, platform), { recursive: true });
  const { status } = spawnSync("tar", ["-c", "-I", "xz -T0 -3", "-f", out, "-C", folder, "check-gpu"], { stdio: "inherit" });
  if (status !== 0) stop("tar could not pack the folder: are tar and xz installed?");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const { size } = statSync(out);
if (size > LIMIT) stop(`${file} has ${size} bytes, at most ${LIMIT} may be carried`);
process.stdout.write(`${file}: ${(size / 2 ** 20).toFixed(1)} MB\n`);

/** The packages, and those that they load, as far as they are installed: what is optional may not be. */
function closure(names) {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name) || !existsSync(join(packages, name))) return;
    found.add(name);
    const { dependencies = {}, optionalDependencies = {} } = manifest(join(packages, name));
    for (const other of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]) visit(other);
  };
  for (const name of names) visit(name);
  return found;
}

function manifest(of) {
  return JSON.parse(readFileSync(join(of, "package.json"), "utf8"));
}

function stop(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
