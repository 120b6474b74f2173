/**
 * A model in the layout of Hugging Face's hub, as transformers.js opens it: the graph, what the classes are, what an image goes through,
 * and a card for people. The type is ResNet's because libraries look up by type what a model takes and gives: pixel_values and logits.
 */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFolderAtomic } from "../../atomic-file.js";
import { UserError } from "../../errors.js";
import { summarizeOperations, totalsOf } from "../../networks/summary.js";
import { storedSide } from "../../pixels/square.js";
import { formatBytes, formatCount, formatInteger, formatShare } from "../../quantities.js";
import type { Model } from "../../runtime/model.js";
import { type OnnxOptions, onnxModel } from "./model-graph.js";

export interface HubOptions {
  readonly weights: OnnxOptions["weights"];
  /** By the hub's name, such as `mit`. */
  readonly licence?: string;
  readonly tested?: {
    readonly dataName: string;
    readonly set: "test" | "validation";
    readonly evaluation: { readonly images: number; readonly top1: number; readonly top5: number };
  };
}

/** Pillow's number of the Lanczos filter, which images are scaled with here, too. */
const LANCZOS = 1;

/**
 * Writes a new folder; returns the bytes of the graph.
 *
 * @throws UserError where there is something in the folder already
 */
export async function writeHubFolder(path: string, model: Model, options: HubOptions): Promise<number> {
  const entries = await readdir(path).catch(() => []);
  if (entries.length > 0) throw new UserError(`there are files in ${path} already; choose a new folder by --out`);
  const graph = onnxModel(model, { weights: options.weights, pixels: false });
  await writeFolderAtomic(path, async (folder) => {
    await mkdir(join(folder, "onnx"));
    await writeFile(join(folder, "onnx", "model.onnx"), graph);
    await writeFile(join(folder, "config.json"), json(configOf(model)));
    await writeFile(join(folder, "preprocessor_config.json"), json(preprocessorOf(model)));
    await writeFile(join(folder, "README.md"), cardOf(model, options, graph.length));
  });
  return graph.length;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function configOf({ classes, size, network }: Model): unknown {
  return {
    architectures: ["ResNetForImageClassification"],
    model_type: "resnet",
    num_channels: 3,
    image_size: size,
    id2label: Object.fromEntries(classes.map((name, number) => [String(number), name])),
    label2id: Object.fromEntries(classes.map((name, number) => [name, number])),
    rbnet: network,
    // There is one file of weights; pages would look for one in 8 bits otherwise.
    "transformers.js_config": { dtype: "fp32" },
  };
}

function preprocessorOf({ size, mean, standardDeviation }: Model): unknown {
  return {
    image_processor_type: "ImageProcessor",
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: storedSide(size) },
    resample: LANCZOS,
    do_center_crop: true,
    crop_size: { height: size, width: size },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: standardDeviation,
  };
}

function cardOf(model: Model, { licence, tested }: HubOptions, bytes: number): string {
  const { classes, size, network, operations } = model;
  const { ops, binaryParameters, realParameters } = totalsOf(
    summarizeOperations(operations, { height: size, width: size, channels: 3 }),
  );
  const rows = [
    ["network", `${network.name}, width ${network.width}`],
    ["input", `${size} x ${size} pixels, colour`],
    ["classes", classes.length <= 20 ? classes.map(escaped).join(", ") : `${formatInteger(classes.length)}, in \`config.json\``],
    ...(tested === undefined ? [] : accuracyRows(tested)),
    ["operations an image", `${formatCount(ops)} (binary multiply-accumulates / 64 + real ones)`],
    ["weights", `${formatInteger(binaryParameters)} of +1 or -1, ${formatInteger(realParameters)} real ones`],
    ["graph", `${formatBytes(bytes)}, ONNX`],
    ["licence", licence === undefined ? "not said by who exported it" : escaped(licence)],
  ];
  const head = [
    ...(licence === undefined ? [] : [`license: ${JSON.stringify(licence)}`]),
    "library_name: transformers.js",
    "pipeline_tag: image-classification",
    "tags:\n- binary-neural-network\n- rbnet\n- onnx",
  ];
  return `---
${head.join("\n")}
---

# ${escaped(tested === undefined ? network.name : `${network.name} on ${tested.dataName}`)}

A binary neural network, trained and exported with rbnet: the weights of its convolutions are +1 and -1.

| what | figure |
| --- | --- |
${rows.map(([what, figure]) => `| ${what} | ${figure} |`).join("\n")}

\`\`\`js
import { pipeline } from "@huggingface/transformers";
const classify = await pipeline("image-classification", "path/or/name/of/this/folder");
console.log(await classify("picture.jpg"));
\`\`\`
`;
}

function accuracyRows({ dataName, set, evaluation }: NonNullable<HubOptions["tested"]>): readonly (readonly [string, string])[] {
  const { images, top1, top5 } = evaluation;
  return [
    ["trained on", escaped(dataName)],
    [`${set} top-1`, `${formatShare(top1)} of ${formatInteger(images)} images`],
    [`${set} top-5`, formatShare(top5)],
  ];
}

/** Text of somebody else's in a table of Markdown. */
function escaped(text: string): string {
  return text.replace(/[\\|<>`*_[\]]/g, "\\$&").replace(/\s+/g, " ");
}
