/**
 * `npm run bench -- layers`: one training step of each network, traced, and computed again in PyTorch from the same weights and
 * images; how far the outputs and gradients of every layer are apart.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Backend } from "#rbnet/backend/device";
import { acceleratedKernels } from "#rbnet/backend/native/accelerator";
import { openBackend } from "#rbnet/backend/open";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { alignedTable } from "#rbnet/cli/output";
import { UserError } from "#rbnet/errors";
import { networkByName, type Variation } from "#rbnet/networks/catalogue";
import { writeTrace } from "./layer-trace.js";
import { peerPython } from "./peer-python.js";
import { installedVersion, repository } from "./versions.js";

/** What is compared of a network; a network more is a line more. */
interface ComparedNetwork {
  readonly network: string;
  readonly batch: number;
  /** Side of the images; default the network's. */
  readonly size?: number;
  /** On the reference backend, where a step of the large ones would take minutes; default 1, as on the others. */
  readonly referenceWidth?: number;
  readonly variation?: Variation;
}

/** Large networks on 96 pixels, whose last map of 3 x 3 is as odd as that of 7 x 7 on 224. */
const LARGE = { batch: 2, size: 96, referenceWidth: 0.25 } as const;
const COMPARED: readonly ComparedNetwork[] = [
  { network: "rbnet20", batch: 8 },
  { network: "rbnet8", batch: 8 },
  { network: "birealnet20", batch: 8 },
  { network: "reactnet20", batch: 8 },
  { network: "xnornet20", batch: 8 },
  { network: "real2binary20", batch: 8 },
  { network: "resnet20", batch: 8 },
  // What no network has by itself.
  { network: "rbnet8", batch: 8, variation: { activation: "prelu", estimator: "clip", learnThreshold: false } },
  { network: "rbnet8", batch: 8, variation: { shortcut: "repeated" } },
  { network: "rbnet20", batch: 8, variation: { stem: "patches", halving: "3x3" } },
  { network: "rbnet18", ...LARGE, variation: { stem: "patches", halving: "4x4", shortcut: "repeated", blocks: "fixed" } },
  { network: "rbnet18", ...LARGE },
  { network: "rbnet34", ...LARGE },
  { network: "birealnet18", ...LARGE },
  { network: "birealnet34", ...LARGE },
  { network: "reactnet18", ...LARGE },
  { network: "xnornet18", ...LARGE },
  { network: "real2binary18", ...LARGE },
  { network: "reactnet-a", ...LARGE },
  { network: "quicknet", ...LARGE },
  { network: "rbnet-s", ...LARGE },
  { network: "resnet18", ...LARGE },
  { network: "resnet34", ...LARGE },
];
const SEED = 1;
const BACKENDS = ["reference", "wasm", "native", "webgpu"] as const;

export const LayersCase = z.strictObject({
  network: z.string().optional(),
  backend: z.enum(BACKENDS).optional(),
  threads: z.int().positive(),
});

export type LayersCase = z.infer<typeof LayersCase>;

const difference = z.object({ absolute: z.number(), relative: z.number() });
const parts = z.object({ output: difference, gradient: difference });
const compared = parts.extend({
  tensors: z.int(),
  disagreeing: z.array(difference.extend({ tensor: z.string() })),
});
const layer = compared.extend({ name: z.string(), float32: parts.optional(), undecided: z.int(), moved: z.int() });
const network = compared.extend({ closestToThreshold: z.number().nullable() });
/** What peers/check_layers.py answers. */
const Comparison = z.object({ version: z.string(), layers: z.array(layer), network: network.nullable() });

export type Comparison = z.infer<typeof Comparison>;
type Difference = z.infer<typeof difference>;

/** The largest differences of a network's step on a backend from PyTorch's. `relative` is the share of a tensor's largest value. */
export interface LayersRecord {
  readonly bench: "layers";
  readonly case: string;
  readonly backend: string;
  readonly agrees: boolean;
  /** The loss counts as one. */
  readonly layers: number;
  /** Outputs, gradients and running statistics. */
  readonly tensors: number;
  readonly output: Difference;
  readonly gradient: Difference;
  /** Of PyTorch in float32 from PyTorch in float64, where ours is in float32. */
  readonly float32?: { readonly output: Difference; readonly gradient: Difference };
  /** Values within rounding of a kink: all of them, and those that were moved to the side which agrees with ours. */
  readonly undecided: number;
  readonly moved: number;
  /** In float64: the whole step from weights and images alone, and how close a value came to its threshold. */
  readonly network: z.infer<typeof network> | null;
  readonly disagreeing: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * One record for each network and backend; progress goes to `report`.
 *
 * @throws UserError where PyTorch is not installed, or the network is not among those that are compared
 */
export async function compareLayers(options: LayersCase, report: (line: string) => void): Promise<readonly LayersRecord[]> {
  const networks = COMPARED.filter((one) => options.network === undefined || one.network === options.network);
  if (networks.length === 0) {
    const names = [...new Set(COMPARED.map((one) => one.network))];
    throw new UserError(`the layers of "${options.network}" are not compared; choose one of ${names.join(", ")}`);
  }
  const python = peerPython(process.env);
  if (python === undefined)
    throw new UserError("PyTorch is not installed; run bench/peers/setup.sh, or name a Python that has it by RBNET_BENCH_PYTHON");
  const folder = await mkdtemp(join(tmpdir(), "rbnet-layers-"));
  const records: LayersRecord[] = [];
  try {
    for (const one of networks) {
      for (const backend of backendsFor(options, report)) {
        report(`${caseName(one, backend)} on ${backend}`);
        const trace = join(folder, "trace.safetensors");
        const description = await traceOn(backend, one, options.threads, trace);
        records.push(layersRecord(caseName(one, backend), description, askPyTorch(python, trace, options.threads)));
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return records;
}

type BackendName = (typeof BACKENDS)[number];

function backendsFor({ backend }: LayersCase, report: (line: string) => void): readonly BackendName[] {
  if (backend !== undefined) return [backend];
  // A GPU is taken where it is asked for.
  const here = BACKENDS.filter((name) => name !== "webgpu");
  if (acceleratedKernels("float32") !== undefined) return here;
  report("the native backend is absent: see rbnet doctor");
  return here.filter((name) => name !== "native");
}

function widthOn(backend: BackendName, { referenceWidth = 1 }: ComparedNetwork): number {
  return backend === "reference" ? referenceWidth : 1;
}

function caseName(one: ComparedNetwork, backend: BackendName): string {
  const { network, batch, size = 32, variation = {} } = one;
  const width = widthOn(backend, one);
  const varied = Object.values(variation).map((value) => `-${typeof value === "string" ? value : "fixed"}`);
  return `${network}${varied.join("")}-w${width}-${size}-batch${batch}`;
}

/** Writes the trace; returns what the backend calls itself. */
async function traceOn(backend: BackendName, one: ComparedNetwork, threads: number, path: string): Promise<string> {
  const { network, batch, size, variation } = one;
  using opened = await open(backend, threads);
  const options = { width: widthOn(backend, one), ...(size === undefined ? {} : { size }), ...variation };
  const description = (classes: number) => networkByName(network, { ...options, classes });
  await writeTrace(path, opened, { description, batch, seed: SEED });
  return opened.description;
}

async function open(name: BackendName, threads: number): Promise<Backend> {
  return name === "reference" ? createReferenceBackend() : openBackend({ threads, backend: name });
}

/** @throws UserError where the Python lacks what the comparison needs, or finds no sense in the trace */
export function askPyTorch(python: string, trace: string, threads: number): Comparison {
  const script = join(repository, "bench", "peers", "check_layers.py");
  const { status, stdout, stderr, error } = spawnSync(python, ["-B", script, trace, "--threads", String(threads)], {
    encoding: "utf8",
  });
  if (status !== 0)
    throw new UserError(`the comparison in PyTorch failed: ${error?.message ?? stderr.trim().split("\n").at(-1) ?? ""}`);
  return Comparison.parse(JSON.parse(stdout));
}

export function layersRecord(name: string, backend: string, { version, layers, network }: Comparison): LayersRecord {
  const rounded = layers.flatMap(({ float32 }) => float32 ?? []);
  const disagreeing = [
    ...layers.flatMap((one) => one.disagreeing.map((found) => ({ ...found, place: one.name }))),
    ...(network?.disagreeing ?? []).map((found) => ({ ...found, place: "whole network" })),
  ];
  return {
    bench: "layers",
    case: name,
    backend,
    agrees: disagreeing.length === 0,
    layers: layers.length,
    tensors: layers.reduce((sum, { tensors }) => sum + tensors, 0),
    output: largest(layers.map(({ output }) => output)),
    gradient: largest(layers.map(({ gradient }) => gradient)),
    ...(rounded.length === 0
      ? {}
      : {
          float32: {
            output: largest(rounded.map(({ output }) => output)),
            gradient: largest(rounded.map(({ gradient }) => gradient)),
          },
        }),
    undecided: layers.reduce((sum, { undecided }) => sum + undecided, 0),
    moved: layers.reduce((sum, { moved }) => sum + moved, 0),
    network,
    disagreeing: disagreeing.map(
      ({ place, tensor, absolute, relative }) =>
        `${place}: ${tensor} differs by ${short(absolute)}, ${short(relative)} of its largest value`,
    ),
    versions: { rbnet: installedVersion(), node: process.versions.node, pytorch: version },
  };
}

function largest(differences: readonly Difference[]): Difference {
  return {
    absolute: Math.max(...differences.map(({ absolute }) => absolute)),
    relative: Math.max(...differences.map(({ relative }) => relative)),
  };
}

/** One row a record, and below them what disagrees. */
export function layersTable(records: readonly LayersRecord[]): string {
  const header = [
    ...["network", "backend", "layers", "tensors", "output", "of largest", "gradient", "of largest"],
    ...["PyTorch float32", "undecided", "moved", "whole network", "verdict"],
  ];
  const rows = records.map(({ output, gradient, float32, network, ...record }) => [
    ...[record.case, record.backend, String(record.layers), String(record.tensors)],
    ...[output.absolute, output.relative, gradient.absolute, gradient.relative].map(short),
    float32 === undefined ? "" : short(Math.max(float32.output.relative, float32.gradient.relative)),
    ...[String(record.undecided), String(record.moved)],
    network === null ? "" : short(Math.max(network.output.relative, network.gradient.relative)),
    record.agrees ? "agrees" : "DISAGREES",
  ]);
  const complaints = records.flatMap(({ case: name, backend, disagreeing }) =>
    disagreeing.map((one) => `${name} on ${backend}: ${one}`),
  );
  return [...alignedTable([header, ...rows], Number.POSITIVE_INFINITY), ...complaints].join("\n");
}

function short(value: number): string {
  return value.toExponential(1);
}
