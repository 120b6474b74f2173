/**
 * Publishes a release to npm: the packages of pack-release.mjs, with provenance (who built them, from which commit), and beside them a
 * list of all that they depend on (CycloneDX), for whoever has to keep one. Meant for a continuous integration that npm knows; anywhere
 * else it shows what would be published. Needs a build of this commit.
 *
 *   node scripts/publish.mjs <folder>            packs, checks, and has npm say what it would publish
 *   node scripts/publish.mjs <folder> --really   publishes
 *
 * REPOSITORY is the address of the sources, which provenance has to name: https://host/owner/name.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const isReal = process.argv.includes("--really");
const [folder] = process.argv.slice(2).filter((word) => !word.startsWith("--"));

function refuse(sentence) {
  console.error(`publish: ${sentence}`);
  process.exit(2);
}

function run(program, words, cwd = root) {
  const { status, stdout, stderr } = spawnSync(program, words, { cwd, encoding: "utf8", maxBuffer: 1 << 27 });
  if (status !== 0) refuse(`${program} ${words.slice(0, 3).join(" ")} failed: ${stderr}`);
  return stdout;
}

/** What has to be so before anything is published, each with what to do. */
function requireReady() {
  const problems = [
    [run("git", ["status", "--porcelain"]) !== "", "the working tree has changes; commit them first"],
    [
      !run("git", ["tag", "--points-at", "HEAD"]).split("\n").includes(`v${version}`),
      `this commit has no tag v${version}; tag it`,
    ],
    [
      !readFileSync(join(root, "CHANGELOG.md"), "utf8").includes(`## [${version}]`),
      `CHANGELOG.md has no section [${version}]; give "Unreleased" that name`,
    ],
    [process.env.REPOSITORY === undefined, "REPOSITORY does not say where the sources are, which provenance has to name"],
  ].filter(([isProblem]) => isProblem);
  for (const [, sentence] of problems) console.error(`${isReal ? "publish" : "before it is published"}: ${sentence}`);
  if (isReal && problems.length > 0) process.exit(2);
}

if (folder === undefined || !existsSync(folder))
  refuse("a folder for the packages was expected: node scripts/publish.mjs <folder>");
requireReady();
const tarballs = run(process.execPath, [join(root, "scripts/pack-release.mjs"), folder])
  .trim()
  .split("\n");
const list = join(folder, `rbnet-${version}.cdx.json`);
writeFileSync(list, run("npm", ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--omit", "dev", "--omit", "peer"]));
console.log(`${basename(list)}: ${JSON.parse(readFileSync(list, "utf8")).components.length} packages that rbnet depends on`);
// Accelerators first: rbnet names them, and whoever installs it in between should find them.
for (const tarball of tarballs.toReversed()) {
  const words = ["publish", tarball, "--access", "public", ...(isReal ? ["--provenance"] : ["--dry-run"])];
  const said = JSON.parse(run("npm", [...words, "--json"], folder));
  // Newer npm answers by the package's name.
  const { name, size } = said.name === undefined ? Object.values(said)[0] : said;
  console.log(`${isReal ? "published" : "would publish"} ${name} ${version}, ${(size / 1e6).toFixed(2)} MB packed`);
}
