/**
 * Installs the packed package beside bundlers, frameworks and runtimes, each with its defaults, builds a page or a server and runs it: in a
 * real Chromium, isolated and not, on 1 and 4 threads, or as a program. The answer has to be Node's. Needs a build, Chromium and the npm
 * registry; takes about a quarter of an hour.
 *
 *   node scripts/check-ecosystem.mjs            prints a table (Markdown), and what failed
 *   node scripts/check-ecosystem.mjs --write    puts the rows into the table of docs/ecosystem.md
 *   node scripts/check-ecosystem.mjs vite bun   those tools alone
 *   node scripts/check-ecosystem.mjs --quick    of examples/ those that install in seconds, as continuous integration does
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { EXAMPLES } from "./ecosystem/examples.mjs";
import { Project, pixels, servingFolder } from "./ecosystem/project.mjs";
import { DEVELOPMENT, PAGES, SERVERS, TYPES } from "./ecosystem/tools.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const QUICK = ["bun", "deno", "react, vite"];
const isQuick = process.argv.includes("--quick");
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const workplace = mkdtempSync(join(tmpdir(), "rbnet-ecosystem-"));
const rows = [];

const { stdout } = spawnSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", workplace], {
  cwd: root,
  encoding: "utf8",
});
const tarball = join(workplace, JSON.parse(stdout)[0].filename);
const { loadModel } = await import(join(root, "dist/deploy/load-model.js"));
const expected = await answerOf(await loadModel("rbnet20-cifar10", { backend: "wasm" }));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

async function answerOf(classify) {
  const [best] = await classify(pixels());
  return best;
}

/** Undefined where an answer is Node's. */
function complaintOf({ label, score, error }) {
  if (error !== undefined) return error;
  return label === expected.label && Math.abs(score - expected.score) < 1e-6 ? undefined : `answers ${label} (${score})`;
}

async function opened(address) {
  const page = await browser.newPage();
  const said = [];
  page.on("pageerror", (error) => said.push(error.message));
  try {
    await page.goto(address);
    await page.waitForFunction(() => document.body?.textContent.trim().startsWith("{"), undefined, { timeout: 30_000 });
    return JSON.parse(await page.evaluate(() => document.body.textContent));
  } catch (error) {
    return { error: said.join("; ") || error.message };
  } finally {
    await page.close();
  }
}

/** A row of the table: right where no part complains. `major` tells the tool from others of its name. */
async function row(what, tool, setting, body, major) {
  if (isQuick && !(what === "example" && QUICK.includes(tool))) return;
  if (wanted.length > 0 && !wanted.some((name) => tool.includes(name))) return;
  const folder = join(workplace, `${rows.length}-${what}`.replaceAll(/[^a-z0-9-]/gi, "-"));
  let result;
  let version = major ?? "";
  try {
    const project = new Project(folder);
    const { complaints = [], note = "", of } = await body(project);
    version = of === undefined ? version : project.version(of);
    result = complaints.length === 0 ? `right${note && `, ${note}`}` : `WRONG: ${complaints.join("; ").slice(0, 300)}`;
    if (complaints.length > 0) console.error(`${tool} ${what}: ${complaints.join("\n")}`);
  } catch (error) {
    result = "FAILED";
    console.error(`${tool} ${what}: ${error.message.slice(0, 3000)}`);
  }
  rows.push(`| ${tool}${version && ` ${version}`} | ${what} | ${setting ?? "none"} | ${result} |`);
  console.error(rows.at(-1));
  rmSync(folder, { recursive: true, force: true });
}

const CASES = [false, true].flatMap((isolated) => [1, 4].map((threads) => ({ isolated, threads })));

/** What was wrong in each case; as many threads as were asked for have to run where the page is isolated. */
function complaintsIn(found, { isolated, threads }) {
  const complaint = complaintOf(found);
  const running = isolated ? threads : 1;
  const fewer = complaint === undefined && !found.backend.includes(` ${running} thread`) ? `runs on ${found.backend}` : undefined;
  return [complaint ?? fewer]
    .filter((text) => text !== undefined)
    .map((text) => `${isolated ? "isolated, " : ""}${threads} threads: ${text}`);
}

for (const { name, version, packages, files, build, page } of PAGES)
  await row(
    "page",
    name,
    undefined,
    async (project) => {
      project.write(files).install(tarball, packages).run(build);
      const folder = join(project.folder, page);
      const complaints = [];
      let bytes = 0;
      for (const each of CASES)
        await servingFolder(folder, each.isolated, async (address, asked) => {
          complaints.push(...complaintsIn(await opened(`${address}/?threads=${each.threads}`), each));
          const code = [...asked].filter((file) => /\.m?js$/.test(file));
          bytes = code.map((file) => gzipSync(readFileSync(file)).length).reduce((sum, size) => sum + size, 0);
        });
      return { complaints, note: `${(bytes / 1000).toFixed(1)} KB gzipped`, of: name };
    },
    version,
  );

for (const { name, version, packages, files, serve } of DEVELOPMENT)
  await row(
    "page, development server",
    name,
    undefined,
    async (project) => {
      project.write(files).model("public/model.safetensors").install(tarball, packages);
      const complaints = [];
      for (const each of CASES)
        await project.serving(
          serve(5391),
          "http://127.0.0.1:5391/",
          async () => complaints.push(...complaintsIn(await opened(`http://127.0.0.1:5391/?threads=${each.threads}`), each)),
          each.isolated ? { ISOLATED: "1" } : {},
        );
      return { complaints, of: name };
    },
    version,
  );

for (const { name, setting, packages, files, build, server } of SERVERS)
  await row("server", name, setting, async (project) => {
    project.write(files).model("model.safetensors").install(tarball, packages);
    if (build !== undefined) project.run(build);
    const lines = project.run(server).trim().split("\n");
    const found = JSON.parse(lines.find((line) => line.startsWith('{"backend"')) ?? "{}");
    const complaint = complaintOf(found);
    return {
      complaints: complaint === undefined ? [] : [complaint],
      note: found.backend,
      of: name === "node" ? undefined : name,
    };
  });

for (const { name, packages, files, check } of TYPES)
  await row("types", name, undefined, async (project) => {
    project.write(files).install(tarball, packages).run(check);
    return { of: name };
  });

for (const { name, tool, check } of EXAMPLES)
  await row("example", tool, `examples/${name}`, (project) => check(project.example(name), { tarball, browser }));

await browser.close();
rmSync(workplace, { recursive: true, force: true });
const HEAD = ["| tool | what | setting | result |", "| --- | --- | --- | --- |"];
console.log([...HEAD, ...rows].join("\n"));
if (process.argv.includes("--write")) {
  const path = join(root, "docs/ecosystem.md");
  const document = readFileSync(path, "utf8");
  const [before, rest] = document.split("<!-- table -->\n");
  const [, after] = rest.split("<!-- end -->");
  // What was tried before and not now stays.
  const known = new Map(
    rest
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .slice(HEAD.length)
      .map((line) => [keyOf(line), line]),
  );
  for (const line of rows) known.set(keyOf(line), line);
  writeFileSync(path, `${before}<!-- table -->\n${[...HEAD, ...known.values()].join("\n")}\n<!-- end -->${after}`);
}
const failed = rows.filter((text) => /WRONG|FAILED/.test(text)).length;
process.exitCode = failed === 0 ? 0 : 1;
console.log(`${rows.length - failed} passed, ${failed} failed`);

/** Tool, what, and setting; of Vite, which is tried in several versions, the major one besides. */
function keyOf(line) {
  const [, tool, what, setting] = line.split("|").map((cell) => cell.trim());
  return [tool.replace(/^(vite \d+).*/, "$1").replace(/(?<!^vite) [\d.]+$/, ""), what, setting].join();
}
