/** `rbnet doctor`: what runs on this machine, and why. */
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import type { Command } from "commander";
import { CANDIDATES } from "../backend/candidates.js";
import { limitsOf, type MachineLimits } from "../backend/device.js";
import { type Addon, findAccelerator } from "../backend/native/accelerator.js";
import { openBackend } from "../backend/open.js";
import { hasRelaxedSimd } from "../backend/wasm/module.js";
import { openNodeGpu } from "../backend/webgpu/node.js";
import { type GpuRates, measureGpuRates } from "../backend/webgpu/rates.js";
import { messageOf, UserError } from "../errors.js";
import { packageVersion } from "../package-version.js";
import { formatBytes, formatCount } from "../quantities.js";
import { asTyped } from "./command-line.js";
import { alignedTable, print, printJson } from "./output.js";

interface Findings {
  readonly rbnet: string;
  readonly node: string;
  /** For people: `Node 20.9.0`, `Bun 1.3.0`. */
  readonly engine: string;
  readonly platform: string;
  readonly processor: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly relaxedSimd: boolean;
  readonly accelerator:
    | { readonly file: string; readonly instructionSets: readonly string[]; readonly bfloat16Sets: readonly string[] }
    | { readonly absent: string };
  /** What `--backend webgpu` runs on. */
  readonly gpu: GpuFindings | { readonly absent: string };
  /** What `--backend` takes here. */
  readonly backends: readonly string[];
  /** What `--backend auto` opens. */
  readonly backend: string;
  readonly product: string | undefined;
  /** Of one thread. */
  readonly limits: MachineLimits;
}

interface GpuFindings {
  readonly adapter: string;
  /** It computes on the processor. */
  readonly software: boolean;
  /** What WebGPU calls optional, and this GPU has. */
  readonly features: readonly string[];
  /** Of one tensor. */
  readonly largestBytes: number;
  readonly rates: GpuRates;
}

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("say what runs on this machine and why: WebAssembly, the accelerator, threads, and how fast they are at best")
    .option("--json", "one JSON object on standard output")
    .addHelpText("after", "\nExample:\n  rbnet doctor")
    .action(examine);
}

async function examine({ json }: { readonly json?: boolean }): Promise<void> {
  const found = findAccelerator();
  const gpu = await findGpu();
  using backend = await openBackend({ threads: 1 });
  const findings: Findings = {
    rbnet: packageVersion(),
    node: process.versions.node,
    engine: engineName(),
    platform: `${platform()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    threads: availableParallelism(),
    memoryBytes: totalmem(),
    relaxedSimd: hasRelaxedSimd(),
    accelerator: "absent" in found ? found : describeAddon(found.file, found.addon),
    gpu,
    backends: CANDIDATES.filter(({ name, obstacle }) =>
      name === "webgpu" ? !("absent" in gpu) : obstacle("float32") === undefined,
    ).map(({ name }) => name),
    backend: backend.description.replace(/, 1 thread$/, ""),
    product: backend.choices?.product,
    limits: await limitsOf(backend),
  };
  if (json === true) printJson(findings);
  else printFindings(findings);
}

/** Bun and Deno have Node's modules, and a version of Node that they stand for. */
function engineName(): string {
  const { bun, deno, node } = process.versions;
  if (bun !== undefined) return `Bun ${bun}`;
  return deno === undefined ? `Node ${node}` : `Deno ${deno}`;
}

async function findGpu(): Promise<Findings["gpu"]> {
  try {
    const gpu = await openNodeGpu();
    const { maxBufferSize, maxStorageBufferBindingSize } = gpu.device.limits;
    const largestBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    try {
      const rates = await measureGpuRates(gpu);
      return { adapter: gpu.choices.adapter, software: gpu.isSoftware, features: gpu.features, largestBytes, rates };
    } finally {
      gpu.close();
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { absent: messageOf(error) };
  }
}

function describeAddon(
  file: string,
  { instructionSets, bfloat16Sets }: Addon,
): Exclude<Findings["accelerator"], { absent: string }> {
  return { file, instructionSets, bfloat16Sets };
}

function describeGpu(gpu: Findings["gpu"]): string {
  if ("absent" in gpu) return gpu.absent;
  const { adapter, software, features, largestBytes } = gpu;
  const wanted = ["shader-f16", "subgroups"].filter((name) => features.includes(name));
  const has = wanted.length === 0 ? "" : `, with ${wanted.join(" and ")}`;
  const kind = software ? "software, slower than `--backend native` or wasm" : "for `--backend webgpu`";
  return `${adapter} (${kind})${has}, tensors of up to ${formatBytes(largestBytes)}`;
}

function describeGpuRates({ binaryMacsPerSecond, float32MacsPerSecond, float16MacsPerSecond, bytesPerSecond }: GpuRates): string {
  const half = float16MacsPerSecond === undefined ? "" : `, ${formatCount(float16MacsPerSecond)}/s of float16`;
  return (
    `${formatCount(binaryMacsPerSecond)}/s binary and ${formatCount(float32MacsPerSecond)}/s real multiply-accumulates${half}, ` +
    `${formatBytes(bytesPerSecond)}/s copied`
  );
}

function printFindings({ limits, accelerator, relaxedSimd, gpu, ...found }: Findings): void {
  const rate = (perSecond: number): string => `${formatCount(perSecond)}/s`;
  const counting = found.product === "table" ? "by tables" : "by counting bits";
  const products = found.product === undefined ? "" : `; binary products ${counting}`;
  const rows = [
    ["rbnet", `${found.rbnet} on ${found.engine}, ${found.platform}`],
    ["processor", `${found.processor}, ${found.threads} threads, ${formatBytes(found.memoryBytes)} of memory`],
    [
      "WebAssembly",
      relaxedSimd ? "relaxed SIMD: multiply and add are fused" : "plain SIMD: this engine cannot fuse multiply and add",
    ],
    [
      "accelerator",
      "absent" in accelerator ? accelerator.absent : `${accelerator.file} with ${accelerator.instructionSets.join(", ")}`,
    ],
    [
      "bfloat16",
      "absent" in accelerator || accelerator.bfloat16Sets.length === 0
        ? "none here: `rbnet train --precision bfloat16` takes the accelerator and AVX-512 with BF16"
        : `${accelerator.bfloat16Sets.join(", ")}, for \`rbnet train --precision bfloat16\``,
    ],
    ["GPU", describeGpu(gpu)],
    ...("absent" in gpu ? [] : [["GPU at best", describeGpuRates(gpu.rates)]]),
    ["backends", found.backends.join(", ")],
    ["what runs", `${found.backend}${products}`],
    [
      "at best",
      `${rate(limits.binaryMacsPerSecond)} binary and ${rate(limits.realMacsPerSecond)} real multiply-accumulates, ` +
        `${rate(limits.signedMacsPerSecond)} of floats with signs, ${formatBytes(limits.bytesPerSecond)}/s copied, on ` +
        "one thread",
    ],
  ];
  for (const line of alignedTable(rows, 2)) print(asTyped(line));
}
