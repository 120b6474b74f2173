/** Files of models with something changed, well formed but for that. */
import { decodeSafetensors, encodeSafetensors, type StoredFile } from "#rbnet/runtime/safetensors";

/** The description in a file, as JSON that may be bent. */
export interface Description {
  [key: string]: unknown;
  operations: Record<string, unknown>[];
}

/** The file of a model, with what `change` gives in place of its own. */
export function changed(model: Uint8Array, change: (file: StoredFile) => Partial<StoredFile>): Uint8Array {
  const file = decodeSafetensors(model, "model");
  return encodeSafetensors({ ...file, ...change(file) });
}

/** The file of a model whose description `change` has bent. */
export function described(model: Uint8Array, change: (description: Description) => unknown): Uint8Array {
  return changed(model, ({ metadata }) => {
    const description = descriptionIn(metadata.model);
    change(description);
    return { metadata: { ...metadata, model: JSON.stringify(description) } };
  });
}

export function descriptionIn(text: string | undefined): Description {
  return JSON.parse(text ?? "") as Description;
}
