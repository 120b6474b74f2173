/**
 * Parts of batches from encoded images: several are decoded at once, and one that cannot be used is replaced by its neighbour or left out.
 * Imported only where images are encoded: workers on decoded ones start without the decoder.
 */
import type { ImageRegion } from "../../pixels/resize.js";
import { storedSide } from "../../pixels/square.js";
import type { EncodedSource } from "../dataset.js";
import { BadImageError } from "../decoding/bad-image.js";
import type { ByteRange, EncodedImages } from "../decoding/encoded-images.js";
import { decodeCrop, decodeRegion, decodeSquare } from "../decoding/image-file.js";
import { openEncoded } from "../sets/open-encoded.js";
import { type Annotate, type BatchPart, type BatchPlan, drawImage, type SlotWriter, slotWriter } from "./batch-plan.js";
import type { BatchSlot } from "./batch-ring.js";
import { LEFT_OUT } from "./batch-source.js";
import { type BadImage, MOST_REPLACEMENTS, UnreadableImagesError } from "./unreadable-images.js";

/** Images that are decoded at once by one worker. */
const IMAGES_IN_FLIGHT = 4;

export class EncodedBatches {
  private readonly images: EncodedImages;
  private readonly writer: SlotWriter;
  /** Settled when the last stretch is read ahead. */
  private ahead: Promise<void> = Promise.resolve();

  constructor(
    private readonly plan: BatchPlan,
    private readonly source: EncodedSource,
    private readonly annotate?: Annotate,
  ) {
    this.images = openEncoded(source);
    this.writer = slotWriter(plan);
  }

  /**
   * Prepares a part of a batch, whose slot's `indices` and `repeats` are set, then has `readAhead` read for later ones.
   *
   * @param skipped receives the images that were replaced, whose `indices` in the slot are those of the neighbours, or left out
   * @throws UnreadableImagesError
   */
  async prepare(slot: BatchSlot, part: BatchPart, readAhead: readonly ByteRange[], skipped: BadImage[]): Promise<void> {
    // One stretch at a time: where the disk is slower than the training, there is nothing to gain from a queue of them.
    const earlier = this.ahead;
    let next = part.first;
    const prepareSome = async (): Promise<void> => {
      while (next < part.end) await this.prepareOne(slot, part.epoch, next++, skipped);
    };
    await Promise.all(Array.from({ length: IMAGES_IN_FLIGHT }, prepareSome));
    await earlier;
    this.ahead = this.images.readAhead(readAhead);
  }

  private async prepareOne(slot: BatchSlot, epoch: number, position: number, skipped: BadImage[]): Promise<void> {
    const { labels } = this.plan;
    const wanted = slot.indices[position];
    let last: BadImage = { index: wanted, reason: "" };
    const replacements = this.plan.unreadable === "replace" ? MOST_REPLACEMENTS : 0;
    for (let attempt = 0; attempt <= replacements; attempt++) {
      const index = (wanted + attempt) % labels.length;
      try {
        const view = await this.write(index, wanted, slot, epoch, position);
        this.annotate?.(slot, position, index, view);
      } catch (error) {
        if (!(error instanceof BadImageError)) throw error;
        last = { index, reason: error.reason };
        skipped.push(last);
        continue;
      }
      slot.labels[position] = labels[index];
      slot.indices[position] = index;
      return;
    }
    if (replacements > 0) throw new UnreadableImagesError(last);
    slot.labels[position] = 0;
    slot.indices[position] = LEFT_OUT;
  }

  /** Draws are those of the wanted image, whatever replaces it: the neighbour may be in the same epoch, and should look different there. */
  private async write(index: number, wanted: number, slot: BatchSlot, epoch: number, position: number): Promise<number> {
    const { plan, source, writer } = this;
    const { size, cropRoom } = plan;
    const draw = drawImage(plan, epoch, index, wanted, slot.repeats[position]);
    const image = await this.images.read(index);
    if (writer.cropsRegions) {
      const { random, view = 0 } = draw;
      const choose = (width: number, height: number): ImageRegion => writer.chooseRegion(width, height, random);
      if (writer.crop !== undefined && cropRoom !== undefined) {
        const crop = await decodeCrop(image, size, choose, cropRoom, source);
        writer.crop(crop.plan, crop.pixels, random, slot, position);
      } else writer.cropped(await decodeRegion(image, size, choose, source), random, slot, position);
      return view;
    }
    const pixels = await decodeSquare(image, storedSide(size), source);
    return writer.square(pixels, 0, storedSide(size), draw, slot, position);
  }
}
