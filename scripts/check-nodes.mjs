/**
 * Builds and smoke-tests the project on the Nodes that it supports besides the one that runs the tests: each is installed from
 * the npm package `node` into a temporary folder, builds a copy of the checkout from nothing, and runs scripts/smoke-run.mjs
 * there. All have to ship the same bits. Prints a line a check and, as its last line, `N passed, N failed`. Needs the
 * dependencies, and a build to compare with.
 *
 * node scripts/check-nodes.mjs [major version]...
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const MAJORS = ["22", "24"];
/** What a build and the smoke test read. */
const SOURCES = ["package.json", "bin", "tsconfig.json", "tsconfig.page.json", "src", "scripts", "models"];

const ADDON = "dist/backend/native/rbnet.node";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
let passed = 0;
let failed = 0;

/** Output of a program, or an Error with all that it said. */
function run(program, args, options) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", ...options });
  if (status !== 0)
    throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? `exit code ${status}\n${stdout}${stderr}`}`);
  return stdout;
}

function check(name, body) {
  try {
    console.log(`ok      ${name}: ${body()}`);
    passed += 1;
  } catch (error) {
    console.log(`FAILED  ${name}\n${error.message}`);
    failed += 1;
  }
}

/** What the smoke test of a checkout says under a Node. */
function smoke(node, checkout) {
  return JSON.parse(run(node, [join(checkout, "scripts/smoke-run.mjs")], { cwd: checkout }));
}

/** Installs a Node into `folder`; returns its folder of programs. */
function installNode(major, folder) {
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  run("npm", ["install", "--no-audit", "--no-fund", `node@${major}`], { cwd: folder, shell: process.platform === "win32" });
  return join(folder, "node_modules/node/bin");
}

/** The sources without anything that was built, on the dependencies of this checkout. */
function copyCheckout(folder) {
  for (const name of SOURCES) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  // Node-API keeps one accelerator good for every Node, and that is what this shows: it is not compiled again.
  if (existsSync(join(root, ADDON))) cpSync(join(root, ADDON), join(folder, ADDON));
}

const folder = mkdtempSync(join(tmpdir(), "rbnet-nodes-"));
try {
  const here = smoke(process.execPath, root);
  console.log(`        Node ${here.node} here: ${JSON.stringify(here.runs)}`);
  const wanted = process.argv.slice(2);
  for (const major of wanted.length > 0 ? wanted : MAJORS) {
    check(`builds, trains, resumes and ships the same bits on Node ${major}`, () => {
      const programs = installNode(major, join(folder, `node-${major}`));
      const checkout = join(folder, `checkout-${major}`);
      copyCheckout(checkout);
      const node = join(programs, process.platform === "win32" ? "node.exe" : "node");
      const env = { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH}` };
      run(node, [join(checkout, "scripts/build.mjs")], { cwd: checkout, env });
      const there = smoke(node, checkout);
      if (JSON.stringify(there.runs) !== JSON.stringify(here.runs))
        throw new Error(`${JSON.stringify(there)} is expected to be as ${JSON.stringify(here)}`);
      return JSON.stringify(there);
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
