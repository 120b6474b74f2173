/** Encoded images by their index, whether each is a file or they lie side by side in shards: what there is before decoding. */

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

/** A stretch of a shard, by the shard's number. */
export interface ByteRange {
  readonly shard: number;
  readonly from: number;
  readonly end: number;
}
