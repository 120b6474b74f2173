/** `rbnet export`: the network of a run, or a model file, as one file to ship, with its real parameters in float16 or float32. */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Command, Option } from "commander";
import { readModelFile, writeModelFile } from "../deploy/model-file.js";
import { formatBytes } from "../quantities.js";
import type { StoredPrecision } from "../runtime/stored-operations.js";
import { runFile } from "../stores/run-folder.js";
import { print, printJson } from "./output.js";

const PRECISIONS = ["float16", "float32"] as const satisfies readonly StoredPrecision[];

interface ExportFlags {
  readonly precision: StoredPrecision;
  readonly out?: string;
  readonly json?: boolean;
}

export function addExport(program: Command): void {
  program
    .command("export")
    .description("write the network of a run, or a model file, as one file to ship")
    .argument("<run>", "folder of a run, or a model file")
    .addOption(
      new Option("--precision <type>", "of the real parameters; binary weights are bits in either")
        .choices(PRECISIONS)
        .default("float16"),
    )
    .option("--out <file>", "where to write it (default: model-<precision>.safetensors beside the model)")
    .option("--json", "one JSON object on standard output: file, bytes, precision")
    .addHelpText("after", "\nExample:\n  rbnet export runs/photos --out photos.safetensors")
    .action(exportModel);
}

async function exportModel(run: string, { precision, out, json }: ExportFlags): Promise<void> {
  const source = statSync(run, { throwIfNoEntry: false })?.isDirectory() === true ? runFile(run, "model") : run;
  const model = await readModelFile(source);
  const file = out ?? join(dirname(source), `model-${precision}.safetensors`);
  const bytes = await writeModelFile(file, model, precision);
  if (json === true) printJson({ file, bytes, precision });
  else print(`${file}: ${formatBytes(bytes)}, real parameters in ${precision}`);
}
