/** A model file from an address, by the fetch that every engine has. */
import { messageOf, UserError } from "../errors.js";
import { shortened } from "./given.js";

/** Beyond any classifier of this kind; a stranger's server could go on sending. */
const MAXIMUM_BYTES = 256 << 20;

/** @throws UserError where the address gives no file, or one that is too large */
export async function fetchModel(address: string): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (error) {
    throw new UserError(
      `the model ${shortened(address)} cannot be fetched (${messageOf(error)}); check the address and the connection`,
      {
        cause: error,
      },
    );
  }
  if (!response.ok)
    throw new UserError(
      `the model ${shortened(address)} cannot be fetched: the server answers ${response.status}; check the address`,
    );
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of chunksOf(response)) {
    length += part.length;
    if (length > MAXIMUM_BYTES)
      throw new UserError(
        `the model ${shortened(address)} is larger than ${MAXIMUM_BYTES >> 20} MB; choose a model that rbnet wrote`,
      );
    parts.push(part);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

async function* chunksOf({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
