/** The formats that `rbnet export` writes, a line each; the first is the usual one. */
import { cFormat } from "./c.js";
import type { ExportFormat } from "./format.js";
import { hubFormat } from "./hub.js";
import { onnxFormat } from "./onnx.js";
import { rbnetFormat } from "./rbnet.js";

export const EXPORT_FORMATS: readonly [ExportFormat, ...(readonly ExportFormat[])] = [
  rbnetFormat,
  onnxFormat,
  hubFormat,
  cFormat,
];
