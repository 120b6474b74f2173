/**
 * Which image is where in an epoch, and what of shards to read ahead for it. All of it is known before the epoch starts and depends on
 * (seed, epoch) alone, so an epoch can be resumed at any place.
 */
import type { ImageSet, PixelSource } from "../dataset.js";
import type { ByteRange } from "../decoding/encoded-images.js";
import { Random } from "../random.js";
import { bufferShuffle, byteRanges, SHUFFLE_BUFFER, shardSequence } from "../shards/shard-order.js";

/** Keeps the draws of the order apart from those of augmentation. */
const ORDER_STREAM = 0x6f726465;

export class EpochOrder {
  /** Index in the set of the image at each place of the epoch. */
  readonly indices: Uint32Array;
  private readonly source: PixelSource;
  /** Samples of shards in the order in which they are read ahead. */
  private sequence: Uint32Array;
  /** How far in it they have been read ahead. */
  private readTo = 0;

  constructor(
    { count, source }: ImageSet,
    private readonly seed: number,
    private readonly shuffle: boolean,
  ) {
    this.indices = new Uint32Array(count);
    this.sequence = this.indices;
    this.source = source;
  }

  /** Draws the order of an epoch, of which the places from `from` on will be asked for. */
  draw(epoch: number, from: number): void {
    const { indices, source } = this;
    this.readTo = from;
    this.sequence = indices;
    for (let index = 0; index < indices.length; index++) indices[index] = index;
    if (!this.shuffle) return;
    const random = new Random(this.seed, epoch, ORDER_STREAM);
    if (source.kind === "shards") {
      this.sequence = shardSequence(source, random);
      bufferShuffle(this.sequence, SHUFFLE_BUFFER, random, indices);
    } else {
      random.shuffle(indices);
    }
  }

  /** What enters the buffer of the shuffle before the places below `end` are drawn, and was not read before. */
  readAhead(end: number): readonly ByteRange[] {
    if (this.source.kind !== "shards") return [];
    const first = this.readTo;
    this.readTo = Math.min(this.indices.length, end + (this.shuffle ? SHUFFLE_BUFFER : 0));
    return byteRanges(this.source, this.sequence, first, this.readTo);
  }
}
