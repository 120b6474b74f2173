/** Opens the encoded images of a set: files are left to the decoder, shards have a reader. */
import type { EncodedSource } from "../dataset.js";
import type { EncodedImages } from "../decoding/encoded-images.js";
import { ShardReader } from "../shards/shard-reader.js";

export function openEncoded(source: EncodedSource): EncodedImages {
  if (source.kind === "shards") return new ShardReader(source);
  const { paths } = source;
  return {
    read: async (index) => paths[index],
    readAhead: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}
