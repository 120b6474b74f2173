/** Model files on disk: read whole, written atomically. What is in them is runtime/model.ts. */
import { readFile } from "node:fs/promises";
import { writeFileAtomic } from "../atomic-file.js";
import { codeOf, UserError } from "../errors.js";
import { shortened } from "../runtime/given.js";
import { decodeModel, encodeModel, type Model } from "../runtime/model.js";
import type { StoredPrecision } from "../runtime/stored-operations.js";
import { modelFileOf, shippedModels } from "./shipped-models.js";

/** Writes atomically; returns the number of bytes. */
export async function writeModelFile(path: string, model: Model, precision: StoredPrecision = "float32"): Promise<number> {
  const bytes = encodeModel(model, precision);
  await writeFileAtomic(path, bytes);
  return bytes.length;
}

/** @throws UserError where the file, or the shipped model of this name, cannot be read or is not a model */
export async function readModelFile(pathOrName: string): Promise<Model> {
  return decodeModel(await readModelBytes(pathOrName), shortened(pathOrName));
}

/** @throws UserError where there is no such file, nor a shipped model of this name */
export async function readModelBytes(pathOrName: string): Promise<Uint8Array> {
  try {
    return await readFile(modelFileOf(pathOrName));
  } catch (error) {
    throw new UserError(
      `cannot read the model ${shortened(pathOrName)} (${codeOf(error)}); give the path of a model.safetensors that rbnet train ` +
        `wrote, or ${shippedNames()}`,
      { cause: error },
    );
  }
}

function shippedNames(): string {
  const names = shippedModels();
  return names.length > 0
    ? `the name of a model that comes with rbnet: ${names.join(", ")}`
    : "its bytes; those that come with rbnet are not here (a bundle leaves its folder models behind)";
}
