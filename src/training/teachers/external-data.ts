/** Weights of an ONNX file that lie in files beside it, as exporters write them where they are large. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, UserError } from "../../errors.js";

/**
 * An entry of a tensor's external data (onnx.proto, StringStringEntryProto): the key "location", and the value's tag, which a length
 * follows.
 */
const LOCATION = Buffer.from("\x0a\x08location\x12", "latin1");

/** Names of the files, relative to the ONNX file's folder, in the order in which they appear. */
export function externalFiles(bytes: Uint8Array): readonly string[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const names = new Set<string>();
  for (let at = file.indexOf(LOCATION); at >= 0; at = file.indexOf(LOCATION, at + 1)) {
    let start = at + LOCATION.length;
    let length = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = file[start++] ?? 0;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    names.add(file.toString("utf8", start, start + length));
  }
  return [...names];
}

/**
 * SHA-256 of an ONNX file and of what lies beside it.
 *
 * @throws UserError where a file beside it cannot be read
 */
export async function digestOf(path: string, bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256").update(bytes);
  for (const name of externalFiles(bytes)) {
    const beside = join(dirname(path), name);
    try {
      for await (const part of createReadStream(beside)) hash.update(part as Buffer);
    } catch (error) {
      throw new UserError(
        `the teacher ${path} has its weights in ${beside}, which cannot be read (${codeOf(error)}); put that file beside it`,
        { cause: error },
      );
    }
  }
  return hash.digest("hex");
}
