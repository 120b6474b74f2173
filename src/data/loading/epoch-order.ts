/**
 * Which image is where in an epoch, and what of shards to read ahead for it. All of it is known before the epoch starts and depends on
 * (seed, epoch) alone, so an epoch can be resumed at any place.
 */
import type { ImageSet, PixelSource } from "../dataset.js";
import type { ByteRange } from "../decoding/encoded-images.js";
import { Random } from "../random.js";
import { balancedDraws } from "../sets/balance.js";
import { bufferShuffle, byteRanges, SHUFFLE_BUFFER, shardSequence } from "../shards/shard-order.js";

/** Keeps the draws of the order apart from those of augmentation. */
const ORDER_STREAM = 0x6f726465;

export class EpochOrder {
  /** Index in the set of the image at each place of the epoch. */
  readonly indices: Uint32Array;
  /** How often the image at each place was in the epoch before; undefined where each image is there once. */
  readonly repeats: Uint32Array | undefined;
  private readonly source: PixelSource;
  private readonly labels: Uint16Array;
  /** Samples of shards in the order in which they are read ahead. */
  private sequence: Uint32Array;
  /** How far in it they have been read ahead. */
  private readTo = 0;
  /** Of an image: 1 where it will be asked for here. Where others take some batches of the epoch; undefined where all are. */
  private wanted: Uint8Array | undefined;

  /**
   * @param sampler `balanced`: all classes as often, some images several times and others not at all; of a shuffled order only
   * @param isWanted whether the image at a place of the epoch will be asked for; default all
   */
  constructor(
    { count, source, labels }: ImageSet,
    private readonly seed: number,
    private readonly shuffle: boolean,
    sampler?: "balanced" | undefined,
    private readonly isWanted?: (place: number) => boolean,
  ) {
    this.indices = new Uint32Array(count);
    this.repeats = sampler === "balanced" && shuffle ? new Uint32Array(count) : undefined;
    this.sequence = this.indices;
    this.source = source;
    this.labels = labels;
  }

  /** Draws the order of an epoch, of which the places from `from` on will be asked for. */
  draw(epoch: number, from: number): void {
    this.drawOrder(epoch, from);
    const { indices, isWanted } = this;
    if (isWanted === undefined || this.source.kind !== "shards") return;
    const wanted = new Uint8Array(indices.length);
    for (const [place, index] of indices.entries()) if (isWanted(place)) wanted[index] = 1;
    this.wanted = wanted;
  }

  private drawOrder(epoch: number, from: number): void {
    const { indices, source } = this;
    this.readTo = from;
    this.sequence = indices;
    for (let index = 0; index < indices.length; index++) indices[index] = index;
    if (!this.shuffle) return;
    const random = new Random(this.seed, epoch, ORDER_STREAM);
    const drawn = (sequence: Uint32Array): Uint32Array =>
      this.repeats === undefined ? sequence : repeated(sequence, balancedDraws(this.labels, random));
    if (source.kind === "shards") {
      this.sequence = drawn(shardSequence(source, random));
      bufferShuffle(this.sequence, SHUFFLE_BUFFER, random, indices);
    } else {
      indices.set(drawn(indices));
      random.shuffle(indices);
    }
    if (this.repeats !== undefined) countRepeats(indices, this.repeats);
  }

  /** What enters the buffer of the shuffle before the places below `end` are drawn, and was not read before. */
  readAhead(end: number): readonly ByteRange[] {
    if (this.source.kind !== "shards") return [];
    const first = this.readTo;
    this.readTo = Math.min(this.indices.length, end + (this.shuffle ? SHUFFLE_BUFFER : 0));
    const { wanted } = this;
    if (wanted === undefined) return byteRanges(this.source, this.sequence, first, this.readTo);
    const own = this.sequence.subarray(first, this.readTo).filter((index) => wanted[index] === 1);
    return byteRanges(this.source, own, 0, own.length);
  }
}

/** Each index as often as `times` says, in the order of the sequence. */
function repeated(sequence: Uint32Array, times: Uint32Array): Uint32Array {
  const result = new Uint32Array(sequence.length);
  let end = 0;
  for (const index of sequence) {
    result.fill(index, end, end + times[index]);
    end += times[index];
  }
  return result;
}

function countRepeats(indices: Uint32Array, repeats: Uint32Array): void {
  const seen = new Uint32Array(indices.length);
  for (const [place, index] of indices.entries()) repeats[place] = seen[index]++;
}
