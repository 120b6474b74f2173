/** Model files on disk: read whole, written atomically. What is in them is runtime/model.ts. */
import { readFile } from "node:fs/promises";
import { writeFileAtomic } from "../atomic-file.js";
import { UserError } from "../errors.js";
import { decodeModel, encodeModel, type Model } from "../runtime/model.js";
import type { Precision } from "../runtime/stored-operations.js";

/** Writes atomically; returns the number of bytes. */
export async function writeModelFile(path: string, model: Model, precision: Precision = "float32"): Promise<number> {
  const bytes = encodeModel(model, precision);
  await writeFileAtomic(path, bytes);
  return bytes.length;
}

/** @throws UserError where the file cannot be read or is not a model */
export async function readModelFile(path: string): Promise<Model> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new UserError(`cannot read the model ${path} (${code}); give the path of a model.safetensors that rbnet train wrote`, {
      cause: error,
    });
  }
  return decodeModel(bytes, path);
}
