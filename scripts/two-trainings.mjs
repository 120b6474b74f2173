/**
 * Two trainings at once, again and again: `node scripts/two-trainings.mjs [rounds]`. Each round starts two into one folder, of which one
 * has to be refused in a sentence, and two without a folder, which have to take two. Every model has to be that of its seed alone, bit for
 * bit, and nothing may be left behind: a file that is lost or mixed shows.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { Random } from "#rbnet/data/random";
import { shapes } from "#rbnet/data/shapes/shapes";
import { decodeSafetensors } from "#rbnet/runtime/safetensors";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const SIDE = 16;
const SEEDS = [1, 2];
const FLAGS = [
  "--network",
  "rbnet8",
  "--width",
  "0.5",
  "--size",
  String(SIDE),
  "--batch",
  "16",
  "--epochs",
  "1",
  "--threads",
  "1",
];
const FILES = ["checkpoint.safetensors", "metrics.jsonl", "model.safetensors", "report.html"];
/** The second starts up to so much later: reading data, claiming and saving meet in all ways. */
const LATEST_MS = 1_500;

const rounds = Number(process.argv[2] ?? 100);
const root = mkdtempSync(join(tmpdir(), "rbnet-two-"));
const random = new Random(7);
const count = { rounds: 0, refusedUnderWay: 0, refusedAfter: 0 };
try {
  await writePictures();
  const expected = new Map();
  for (const seed of SEEDS) {
    const out = join(root, `alone-${seed}`);
    const { code, stderr } = await train(["--out", out, "--seed", String(seed)], root);
    if (code !== 0) throw new Error(`a training alone ended with ${code}: ${stderr}`);
    expected.set(seed, bitsOf(out));
  }
  for (; count.rounds < rounds; count.rounds++) {
    const place = join(root, `round-${count.rounds}`);
    mkdirSync(place);
    await sameFolder(place, expected);
    await twoFolders(place, expected);
    rmSync(place, { recursive: true });
  }
} catch (error) {
  console.error(`round ${count.rounds + 1} went wrong`);
  throw error;
} finally {
  rmSync(root, { recursive: true, force: true });
}
console.log(
  `${count.rounds} rounds: no file lost or mixed; of two trainings into one folder one was refused each time, ` +
    `${count.refusedUnderWay} times while the other was under way and ${count.refusedAfter} times after it`,
);

/** A hundred pictures of ten classes. */
async function writePictures() {
  const { train: set, classes } = shapes({ train: 100, validation: 0, test: 0, size: SIDE });
  const bytes = SIDE * SIDE * 3;
  for (const [index, row] of set.source.rows.entries()) {
    const folder = join(root, "pictures", classes[set.labels[index]]);
    mkdirSync(folder, { recursive: true });
    const raw = { width: SIDE, height: SIDE, channels: 3 };
    await sharp(set.source.pixels.subarray(row * bytes, (row + 1) * bytes), { raw })
      .png()
      .toFile(join(folder, `${index}.png`));
  }
}

function train(flags, cwd) {
  const child = spawn(process.execPath, [MAIN, "train", join(root, "pictures"), ...FLAGS, ...flags], { cwd });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"])
    child[name].on("data", (part) => {
      text[name] += part;
    });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...text }));
  });
}

async function both(flags, cwd) {
  const later = random.integer(LATEST_MS);
  return Promise.all(
    SEEDS.map(async (seed, place) => {
      if (place === 1) await setTimeout(later);
      return { seed, ...(await train([...flags, "--seed", String(seed)], cwd)) };
    }),
  );
}

async function sameFolder(place, expected) {
  const ends = await both(["--out", "run"], place);
  const [winner, ...others] = ends.filter(({ code }) => code === 0);
  const loser = ends.find(({ code }) => code === 2);
  if (winner === undefined || others.length > 0 || loser === undefined)
    throw new Error(`of two trainings into one folder one has to be refused: ${JSON.stringify(ends)}`);
  const said = /^rbnet: (a training is under way in run |run holds a run already)[^\n]*\n$/.exec(
    loser.stderr.replace(/^rbnet: warning.*\n/gm, ""),
  );
  if (said === null) throw new Error(`the refused one says: ${loser.stderr}`);
  if (said[1].startsWith("a training")) count.refusedUnderWay++;
  else count.refusedAfter++;
  check(join(place, "run"), winner.seed, expected);
}

async function twoFolders(place, expected) {
  const ends = await both([], place);
  const failed = ends.find(({ code }) => code !== 0);
  if (failed !== undefined) throw new Error(`one of two trainings without a folder ended with ${failed.code}: ${failed.stderr}`);
  const folders = readdirSync(join(place, "runs")).map((name) => join(place, "runs", name));
  if (folders.length !== SEEDS.length) throw new Error(`two trainings have left the folders ${folders}`);
  const seeds = folders.map(seedOf);
  if (new Set(seeds).size !== SEEDS.length) throw new Error(`two trainings of other seeds have left runs of the seeds ${seeds}`);
  for (const [index, folder] of folders.entries()) check(folder, seeds[index], expected);
}

function check(folder, seed, expected) {
  const found = readdirSync(folder).sort();
  if (found.join() !== FILES.join()) throw new Error(`${folder} holds ${found}`);
  if (seedOf(folder) !== seed) throw new Error(`${folder} is of the seed ${seedOf(folder)}, and ${seed} has won`);
  const kinds = linesOf(folder).map(({ kind }) => kind);
  if (kinds.join() !== "run,epoch,result") throw new Error(`metrics.jsonl in ${folder} holds ${kinds}`);
  if (bitsOf(folder) !== expected.get(seed)) throw new Error(`${folder} holds other weights than a training of its seed alone`);
}

function linesOf(folder) {
  return readFileSync(join(folder, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

function seedOf(folder) {
  return linesOf(folder)[0].options.seed;
}

/** A digest of all values of checkpoint and model. */
function bitsOf(folder) {
  const hash = createHash("sha256");
  for (const name of ["checkpoint.safetensors", "model.safetensors"]) {
    const { tensors } = decodeSafetensors(readFileSync(join(folder, name)), name);
    for (const [tensor, { data }] of [...tensors].sort(([one], [other]) => (one < other ? -1 : 1)))
      hash.update(tensor).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
