/**
 * Runs models in C wherever this machine can: by each compiler, in 32 and 64 bits, either byte order, and on emulated processors without an
 * operating system; compares labels and bits of the logits with the runtime, and says flash, memory and instructions of an image. From a
 * built checkout:
 *
 *   node scripts/check-firmware.mjs [model...] [--images folder by class] [--count 100] [--emulated 100] [--maps float32|float16] [--host]
 *     [--only gcc --only clang ...]
 *
 * A model is a file, the name of one that ships, or drawn:NETWORK or drawn:NETWORK:WIDTH for one with drawn weights; by default those
 * that ship, and real2binary20 and reactnet20 drawn. Without images, pixels are drawn. `--emulated`: of the images, how many a
 * board is given; `--host` leaves boards out, and `--only` all that it does not name. Debian's packages: gcc, clang, gcc-multilib,
 * gcc-s390x-linux-gnu, libc6-dev-s390x-cross, qemu-user, gcc-arm-none-eabi, gcc-riscv64-unknown-elf, qemu-system-arm, qemu-system-misc;
 * what is not there is said and left out.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { decodeImage } from "../dist/data/decoding/image-file.js";
import { Random } from "../dist/data/random.js";
import { writeFirmware } from "../dist/deploy/firmware/firmware.js";
import { readModelFile } from "../dist/deploy/model-file.js";
import { drawnModel, runtimeLogits } from "./firmware/runtime.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: "string" },
    count: { type: "string", default: "100" },
    emulated: { type: "string", default: "100" },
    maps: { type: "string", default: "float32" },
    host: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
  },
});
const source = (name) => fileURLToPath(new URL(`firmware/${name}`, import.meta.url));
const STRICT = ["-O2", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];
const SANITIZED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const BARE = ["-O2", "-std=c99", "-ffreestanding", "-fno-tree-loop-distribute-patterns", "-ffunction-sections", "-nostdlib"];
const SEMIHOSTING = [
  ...["-display", "none", "-serial", "none", "-monitor", "none", "-chardev", "stdio,id=host"],
  ...["-semihosting-config", "enable=on,target=native,chardev=host"],
];
/** An instruction takes a nanosecond, which is how they are counted; it makes the emulator slow. */
const COUNTED = ["-icount", "shift=0"];

const HOSTS = [
  { name: "gcc", compiler: "gcc", flags: [] },
  { name: "clang", compiler: "clang", flags: [] },
  { name: "gcc, popcnt", compiler: "gcc", flags: ["-mpopcnt"], most: 100 },
  { name: "gcc, sanitizers", compiler: "gcc", flags: SANITIZED, most: 100 },
  { name: "clang, sanitizers", compiler: "clang", flags: SANITIZED, most: 100 },
  { name: "32 bits", compiler: "gcc", flags: ["-m32", "-msse2", "-mfpmath=sse"] },
  {
    name: "s390x, big-endian",
    compiler: "s390x-linux-gnu-gcc",
    flags: [],
    emulator: ["qemu-s390x", "-L", "/usr/s390x-linux-gnu"],
    most: 100,
  },
];
const ARM = ["-mthumb", "-Wl,--gc-sections"];
const RISCV = [
  "-mabi=ilp32",
  "-mcmodel=medany",
  "-Wl,--gc-sections,--defsym=code_origin=0x80000000,--defsym=ram_origin=0x80800000",
];
const BOARDS = [
  {
    name: "Cortex-M4F",
    tools: "arm-none-eabi-",
    flags: ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", ...ARM],
    emulator: ["qemu-system-arm", "-M", "mps2-an386"],
  },
  // The emulator has no M0+; its code runs on an M3 as it stands.
  {
    name: "Cortex-M0+",
    tools: "arm-none-eabi-",
    flags: ["-mcpu=cortex-m0plus", ...ARM],
    emulator: ["qemu-system-arm", "-M", "mps2-an385"],
  },
  {
    name: "RV32IMAC",
    tools: "riscv64-unknown-elf-",
    flags: ["-march=rv32imac", ...RISCV],
    emulator: ["qemu-system-riscv32", "-M", "virt", "-bios", "none"],
  },
];

const named = [...HOSTS, ...BOARDS].map(({ name }) => name);
const unknown = values.only?.find((name) => !named.includes(name));
if (unknown !== undefined) {
  console.error(`there is no compiler or board "${unknown}" for --only; choose of ${named.join("; ")}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "rbnet-firmware-"));
let failures = 0;

function run(program, words, input) {
  const { error, status, stdout, stderr } = spawnSync(program, words, { input, encoding: "utf8", maxBuffer: 2 ** 30 });
  if (error !== undefined) return undefined;
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
  return stdout;
}

const isAsked = ({ name }) => values.only?.includes(name) ?? true;
const bitsOf = (values) => [...new Uint32Array(Float32Array.from(values).buffer)];
const labelOf = (logits) => logits.indexOf(Math.max(...logits));

/** How many labels are right, in words: images of a folder come class by class, as many of each, in the order of a model trained on it. */
function rightText(labels) {
  const all = Number(values.count);
  if (values.images === undefined || labels.length !== all) return "";
  const classes = readdirSync(values.images).length;
  return `, ${labels.filter((label, i) => label === Math.floor((i * classes) / all)).length} right`;
}

/** `found`: label and logits of each image. */
function compare(name, found, expected, more = "") {
  const labels = found.filter(({ label }, i) => label === labelOf(expected[i])).length;
  const same = found.filter(({ logits }, i) => bitsOf(logits).join() === bitsOf(expected[i]).join()).length;
  const largest = Math.max(...found.flatMap(({ logits }, i) => logits.map((logit, n) => Math.abs(logit - expected[i][n]))));
  if (values.maps === "float32" && (labels !== found.length || same !== found.length)) failures++;
  console.log(
    `  ${name.padEnd(18)} ${found.length} images: ${labels} labels and ${same} images' bits equal, largest difference of a logit ` +
      `${largest.toPrecision(3)}${rightText(found.map(({ label }) => label))}${more}`,
  );
}

function checkHost({ name, compiler, flags, emulator = [], most }, built, pixels, expected) {
  const program = join(folder, "program");
  const files = ["rbnet.c", "model.c"].map((file) => join(built, file));
  const compiled = run(compiler, [...STRICT, ...flags, "-I", built, ...files, source("host.c"), "-o", program]);
  const images = Math.min(most ?? expected.length, expected.length);
  const input = pixels.subarray(0, (pixels.length / expected.length) * images);
  const [first, ...words] = [...emulator, program, "0"];
  const out = compiled === undefined ? undefined : run(first, words, input);
  if (out === undefined) return console.log(`  ${name.padEnd(18)} is not here`);
  const found = out
    .trim()
    .split("\n")
    .map((line) => {
      const logits = line
        .trim()
        .split(" ")
        .map((text) => Math.fround(Number(text)));
      return { label: labelOf(logits), logits };
    });
  return compare(name, found, expected.slice(0, images));
}

/** What a board writes of some images, and what the program takes. */
function runBoard({ tools, flags, emulator }, built, bytes, images, more) {
  const head = "#include <stdint.h>\nextern const uint8_t images[];\nextern const uint32_t image_count;\n";
  const body = `const uint32_t image_count = ${images};\nconst uint8_t images[] = {${bytes.join()}};\n`;
  writeFileSync(join(folder, "images.c"), head + body);
  const program = join(folder, "program.elf");
  const link = ["-I", built, "-T", source("bare.ld"), join(built, "rbnet.c"), join(built, "model.c"), join(folder, "images.c")];
  const compiled = run(`${tools}gcc`, [...BARE, ...flags, ...link, source("bare.c"), "-lgcc", "-o", program]);
  const [first, ...words] = [...emulator, ...SEMIHOSTING, ...more, "-kernel", program];
  const out = compiled === undefined ? undefined : run(first, words);
  if (out === undefined) return undefined;
  // What is in flash besides the images, with the some hundred bytes of the program around it.
  const [text, data, bss] = run(`${tools}size`, [program]).split("\n")[1].trim().split(/\s+/).map(Number);
  return { lines: out.trim().split("\n"), flash: text + data - bytes.length, memory: bss };
}

function checkBoard(board, built, pixels, expected) {
  const images = Math.min(Number(values.emulated), expected.length);
  const size = pixels.length / expected.length;
  const counted = runBoard(board, built, pixels.subarray(0, size), 0, COUNTED);
  const ran = counted && runBoard(board, built, pixels.subarray(0, size * images), images, []);
  if (counted === undefined || ran === undefined) return console.log(`  ${board.name.padEnd(18)} is not here`);
  const found = ran.lines.slice(1).map((line) => {
    const [label, ...logits] = line
      .trim()
      .split(" ")
      .map((word) => Number.parseInt(word, 16));
    return { label, logits: [...new Float32Array(Uint32Array.from(logits).buffer)] };
  });
  const instructions = (Number.parseInt(counted.lines[0], 16) / 1e6).toFixed(1);
  const figures = `; flash ${counted.flash}, memory ${counted.memory}, ${instructions} M instructions an image`;
  return compare(board.name, found, expected.slice(0, images), figures);
}

/** Pixels of images, the first of each class in turn; drawn ones without a folder. */
async function somePixels(size, count) {
  const bytes = size * size * 3;
  const pixels = new Uint8Array(count * bytes);
  if (values.images === undefined) {
    const random = new Random(5);
    return pixels.map(() => Math.floor(256 * random.uniform()));
  }
  const classes = readdirSync(values.images).sort();
  const files = classes.flatMap((name) =>
    readdirSync(join(values.images, name))
      .sort()
      .slice(0, Math.ceil(count / classes.length))
      .map((file) => join(values.images, name, file)),
  );
  for (const [i, file] of files.slice(0, count).entries()) pixels.set(await decodeImage(file, size), i * bytes);
  return pixels.subarray(0, Math.min(count, files.length) * bytes);
}

const names =
  positionals.length > 0 ? positionals : ["rbnet20-cifar10", "rbnet8-cifar10", "drawn:real2binary20", "drawn:reactnet20"];
for (const name of names) {
  const model = name.startsWith("drawn:") ? await drawnModel(name.slice("drawn:".length)) : await readModelFile(name);
  const built = join(folder, "model");
  const { memoryBytes, constantBytes } = await writeFirmware(built, model, { maps: values.maps, arduino: false });
  console.log(`${name}: ${memoryBytes} bytes of memory, ${constantBytes} of constants`);
  const pixels = await somePixels(model.size, Number(values.count));
  const expected = await runtimeLogits(model, pixels);
  console.log(`  ${"the runtime".padEnd(18)} ${expected.length} images${rightText(expected.map(labelOf))}`);
  for (const host of HOSTS.filter(isAsked)) checkHost(host, built, pixels, expected);
  for (const board of values.host ? [] : BOARDS.filter(isAsked)) checkBoard(board, built, pixels, expected);
}
rmSync(folder, { recursive: true });
if (failures > 0) {
  console.error(`${failures} of them differ from the runtime`);
  process.exitCode = 1;
}
