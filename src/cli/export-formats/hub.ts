/** `--format hub`: a folder in Hugging Face's layout, which transformers.js opens. */
import { dirname, join } from "node:path";
import { writeHubFolder } from "../../export/onnx/hub-folder.js";
import type { OnnxOptions } from "../../export/onnx/model-graph.js";
import { formatBytes } from "../../quantities.js";
import { testedRun } from "../../training/records/trained-run.js";
import type { ExportFormat } from "./format.js";

export const hubFormat: ExportFormat = {
  name: "hub",
  summary: "a folder in Hugging Face's layout",
  addFlags(command) {
    command.option("--licence <name>", "hub: what the model card says, such as mit");
  },
  async write({ model, source, out }, flags) {
    const folder = out ?? join(dirname(source), "hub");
    const weights = flags.weights as OnnxOptions["weights"];
    const licence = flags.licence as string | undefined;
    const tested = testedRun(source);
    const bytes = await writeHubFolder(folder, model, {
      weights,
      ...(licence === undefined ? {} : { licence }),
      ...(tested === undefined ? {} : { tested }),
    });
    return {
      text: `${folder}: a graph of ${formatBytes(bytes)}, config.json, preprocessor_config.json and a model card`,
      facts: { folder, bytes, weights },
    };
  },
};
