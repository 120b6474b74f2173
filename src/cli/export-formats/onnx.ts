/** `--format onnx`: a graph that any runtime of ONNX runs. */
import { dirname, join } from "node:path";
import { Option } from "commander";
import { writeFileAtomic } from "../../atomic-file.js";
import { ONNX_WEIGHTS, type OnnxOptions, onnxModel } from "../../export/onnx/model-graph.js";
import { formatBytes } from "../../quantities.js";
import type { ExportFormat } from "./format.js";

export const onnxFormat: ExportFormat = {
  name: "onnx",
  summary: "a graph for any runtime of ONNX",
  addFlags(command) {
    command
      .addOption(
        new Option("--weights <type>", "onnx, hub: of those that are +1 and -1").choices(ONNX_WEIGHTS).default(ONNX_WEIGHTS[0]),
      )
      .option("--pixels", "onnx: take bytes as image decoders give them, and normalize in the graph");
  },
  async write({ model, source, out }, flags) {
    const options: OnnxOptions = { weights: flags.weights as OnnxOptions["weights"], pixels: flags.pixels === true };
    const { weights, pixels } = options;
    const file = out ?? join(dirname(source), "model.onnx");
    const bytes = onnxModel(model, options);
    await writeFileAtomic(file, bytes);
    const input = pixels ? "bytes of pixels" : "normalized images";
    return {
      text: `${file}: ${formatBytes(bytes.length)}, weights of +1 and -1 in ${weights}, takes ${input}`,
      facts: { file, bytes: bytes.length, weights, pixels },
    };
  },
};
