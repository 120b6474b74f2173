/** `--format rbnet`: a model file, for rbnet/runtime and every command. */
import { dirname, join } from "node:path";
import { Option } from "commander";
import { writeModelFile } from "../../deploy/model-file.js";
import { formatBytes } from "../../quantities.js";
import type { StoredPrecision } from "../../runtime/stored-operations.js";
import type { ExportFormat } from "./format.js";

const PRECISIONS = ["float16", "float32"] as const satisfies readonly StoredPrecision[];

export const rbnetFormat: ExportFormat = {
  name: "rbnet",
  summary: "a model file",
  addFlags(command) {
    command.addOption(
      new Option("--precision <type>", "of the real parameters; binary weights are bits in either")
        .choices(PRECISIONS)
        .default("float16"),
    );
  },
  async write({ model, source, out }, flags) {
    const precision = flags.precision as StoredPrecision;
    const file = out ?? join(dirname(source), `model-${precision}.safetensors`);
    const bytes = await writeModelFile(file, model, precision);
    return {
      text: `${file}: ${formatBytes(bytes)}, real parameters in ${precision}`,
      facts: { file, bytes, precision },
    };
  },
};
