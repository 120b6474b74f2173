/**
 * Packs a release: rbnet, and a package with the accelerator of the platform that this runs on. rbnet names the packages of all
 * platforms as optional dependencies of exactly its version, so that npm installs the one that fits, and nobody runs a script of
 * ours. Needs a build.
 *
 * node scripts/pack-release.mjs <folder>   prints the tarballs' paths, one a line
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Those that scripts/build-native.mjs builds for; each is packed on a machine of its own kind. */
const PLATFORMS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const addon = join(root, "dist/backend/native/rbnet.node");
const description = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

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
  const { version, license, author } = description;
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

const [target] = process.argv.slice(2);
if (target === undefined || !existsSync(target)) {
  console.error("a folder for the tarballs was expected: node scripts/pack-release.mjs <folder>");
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "rbnet-release-"));
try {
  writeMainPackage(join(folder, "rbnet"));
  console.log(packFolder(join(folder, "rbnet"), resolve(target)));
  if (existsSync(addon)) {
    writeNativePackage(join(folder, "native"));
    console.log(packFolder(join(folder, "native"), resolve(target)));
  } else console.error("no accelerator was built here, so there is no package of it");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
