/** `rbnet summary`: what a network costs, before it is trained or after. */
import type { Command } from "commander";
import { readModelFile } from "../deploy/model-file.js";
import { shippedModels } from "../deploy/shipped-models.js";
import type { LayerSummary } from "../layers/layer.js";
import { networkByName, networkNames } from "../networks/catalogue.js";
import { type NetworkDescription, networkTitle } from "../networks/description.js";
import { type NetworkTotals, summarizeOperations, totalsOf } from "../networks/summary.js";
import { formatBytes, formatCount } from "../quantities.js";
import { inferenceMemory, summarizeNetwork } from "../training/costs/memory.js";
import { forbidFlags, readNumber, readPositive } from "./flags.js";
import { addVariationFlags, type VariationFlags, variationFlagNames, variationOf } from "./network-flags.js";
import { alignedTable, bold, dim, print, printJson } from "./output.js";

interface SummaryFlags extends VariationFlags {
  readonly width?: number;
  readonly classes?: number;
  readonly size?: number;
  readonly batch?: number;
  readonly keepEvery?: number;
  readonly json?: boolean;
}

/** What is printed. */
interface Summary {
  readonly network: string;
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  readonly rows: readonly LayerSummary[];
  readonly totals: NetworkTotals;
  readonly inferenceBytes: number;
  /** Of a network of the catalogue. */
  readonly description?: NetworkDescription;
  /** Of a network that can be trained; a model file is folded. */
  readonly training?: { readonly trainingBytes: number; readonly batch: number };
}

const BATCH = 128;

export function addSummary(program: Command): void {
  const command = program
    .command("summary")
    .description("list layers with parameters, multiply-accumulates, size and memory, without running anything")
    .argument("<network>", `${networkNames.join(", ")}, or a model file or its name`)
    .option("--width <factor>", "multiplies the channels of every stage (default: 1)", readNumber)
    .option("--classes <n>", "outputs (default: 10 for 32 x 32 images, else 1000)", readPositive)
    .option("--size <pixels>", "side of the input (default: the network's own)", readPositive)
    .option("--batch <n>", `images a training step (default: ${BATCH})`, readPositive)
    .option("--keep-every <units>", "of the training step's maps, as `rbnet train` has it (default: 1)", readPositive);
  addVariationFlags(command)
    .option("--json", "one JSON object on standard output, with the description of a network, as other programs build it by")
    .addHelpText("after", "\nExample:\n  rbnet summary rbnet18 --classes 1000")
    .action(summarize);
}

async function summarize(subject: string, flags: SummaryFlags): Promise<void> {
  const isFile = !networkNames.includes(subject) && (/[./\\]/.test(subject) || shippedModels().includes(subject));
  const summary = isFile ? await summarizeModel(subject, flags) : await summarizeNamed(subject, flags);
  const { network, input, rows, totals, inferenceBytes, training, description } = summary;
  const described = description === undefined ? {} : { description };
  if (flags.json === true) printJson({ network, input, rows, totals: { ...totals, ...training, inferenceBytes }, ...described });
  else printSummary(summary);
}

async function summarizeNamed(
  name: string,
  { width = 1, classes, size, batch = BATCH, keepEvery = 1, ...flags }: SummaryFlags,
): Promise<Summary> {
  const chosen = { width, ...(size === undefined ? {} : { size }), ...variationOf(flags) };
  const { input } = networkByName(name, { classes: 1, ...chosen });
  const usualClasses = input.width <= 64 ? 10 : 1000;
  const description = networkByName(name, { classes: classes ?? usualClasses, ...chosen });
  const { rows, totals, trainingBytes, inferenceBytes } = await summarizeNetwork(description, batch, { keepEvery });
  return {
    network: networkTitle({ name, width }),
    input,
    rows,
    totals,
    inferenceBytes,
    training: { trainingBytes, batch },
    description,
  };
}

async function summarizeModel(path: string, flags: SummaryFlags): Promise<Summary> {
  forbidFlags(
    { ...flags },
    ["width", "classes", "size", "batch", "keepEvery", ...variationFlagNames],
    "a model file is what it is",
  );
  const { network, operations, size } = await readModelFile(path);
  const input = { height: size, width: size, channels: 3 };
  const rows = summarizeOperations(operations, input);
  return {
    network: networkTitle(network),
    input,
    rows,
    totals: totalsOf(rows),
    inferenceBytes: inferenceMemory(operations, input),
  };
}

function printSummary({ network, input, rows, totals, inferenceBytes, training }: Summary): void {
  const count = (value: number): string => (value === 0 ? "-" : formatCount(value));
  const cells = rows.map((row) => [
    row.name,
    row.kind,
    `${row.output.height} x ${row.output.width} x ${row.output.channels}`,
    ...[row.binaryParameters, row.realParameters, row.binaryMacs, row.realMacs, row.binaryMacs / 64 + row.realMacs].map(count),
  ]);
  const { binaryParameters, realParameters, binaryMacs, realMacs, ops, packedBytes, floatBytes } = totals;
  const heads = ["layer", "kind", "output", "binary weights", "real parameters", "binary MACs", "real MACs", "OPs"];
  const foot = ["in all", "", "", ...[binaryParameters, realParameters, binaryMacs, realMacs, ops].map(count)];
  const [head = "", ...lines] = alignedTable([heads, ...cells, foot], 2);
  print(`${bold(network)}, input ${input.height} x ${input.width} x ${input.channels}\n`);
  print(dim(head));
  for (const line of lines.slice(0, -1)) print(line);
  print(bold(lines.at(-1) ?? ""));
  print("");
  for (const line of alignedTable(facts(), 2)) print(line);

  function facts(): readonly (readonly string[])[] {
    return [
      ["OPs", `${formatCount(ops)} an image (binary MACs / 64 + real MACs)`],
      ["packed size", `${formatBytes(packedBytes)}, ${(floatBytes / packedBytes).toFixed(1)} x smaller than in float32`],
      ...(training === undefined
        ? []
        : [["training memory", `${formatBytes(training.trainingBytes)} at batch ${training.batch}, with Adam`]]),
      ["inference memory", `${formatBytes(inferenceBytes)} an image`],
    ];
  }
}
