/** `rbnet import`: weights that were trained in PyTorch, checked, folded and packed into a model file. */
import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { openBackend } from "../backend/open.js";
import { writeModelFile } from "../deploy/model-file.js";
import { codeOf, UserError } from "../errors.js";
import { networkByName, networkNames } from "../networks/catalogue.js";
import { networkTitle } from "../networks/description.js";
import { formatBytes } from "../quantities.js";
import type { StoredPrecision } from "../runtime/stored-operations.js";
import { decodeWeights, modelOfWeights } from "../training/start/imported-weights.js";
import { readNumber, readPositive } from "./flags.js";
import { addVariationFlags, type VariationFlags, variationOf } from "./network-flags.js";
import { print, printJson } from "./output.js";

interface ImportFlags extends VariationFlags {
  readonly network: string;
  readonly out: string;
  readonly width?: number;
  readonly size?: number;
  readonly precision: StoredPrecision;
  readonly json?: boolean;
}

export function addImport(program: Command): void {
  const command = program
    .command("import")
    .description("make a model file of weights that were trained in PyTorch (integrations/pytorch)")
    .argument("<weights>", "what rbnet_torch.save wrote")
    .requiredOption("--network <name>", `what was trained: ${networkNames.join(", ")}`)
    .requiredOption("--out <file>", "where to write the model")
    .option("--width <factor>", "of the network (default: what the weights say)", readNumber)
    .option("--size <pixels>", "side of the input (default: what the weights say)", readPositive);
  addVariationFlags(command)
    .addOption(new Option("--precision <type>", "of the real parameters").choices(["float16", "float32"]).default("float32"))
    .option("--json", "one JSON object on standard output: file, bytes, network, classes")
    .addHelpText("after", "\nExample:\n  rbnet import weights.safetensors --network rbnet20 --out model.safetensors")
    .action(importWeights);
}

async function importWeights(path: string, flags: ImportFlags): Promise<void> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new UserError(`cannot read the weights ${path} (${codeOf(error)}); give a file that rbnet_torch.save wrote`, {
      cause: error,
    });
  });
  const weights = decodeWeights(bytes, path);
  const { width = weights.width, size = weights.size, network, out, precision } = flags;
  const description = networkByName(network, { classes: weights.classes, width, size, ...variationOf(flags) });
  using backend = await openBackend({ threads: 1 });
  const model = await modelOfWeights(backend, weights, description);
  const written = await writeModelFile(out, model, precision);
  if (flags.json === true) printJson({ file: out, bytes: written, network: model.network, classes: model.classes.length });
  else print(`${out}: ${formatBytes(written)}, ${networkTitle(model.network)} for ${model.classes.length} classes`);
}
