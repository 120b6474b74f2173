/** Encoded images by their index, whether each is a file or they lie side by side in shards. */
import type { EncodedSource } from "../dataset.js";
import { type ByteRange, ShardReader } from "../shards/shard-reader.js";

export interface EncodedImages extends AsyncDisposable {
  /**
   * What the decoder takes: a path, or the bytes of an image.
   *
   * @throws BadImageError where a shard cannot be read any more
   */
  read(index: number): Promise<string | Uint8Array>;
  /** Has the system read what will be needed soon; resolves when that is done, and never fails. */
  readAhead(ranges: readonly ByteRange[]): Promise<void>;
}

export function openEncoded(source: EncodedSource): EncodedImages {
  if (source.kind === "shards") return new ShardReader(source);
  const { paths } = source;
  return {
    read: async (index) => paths[index],
    readAhead: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}
