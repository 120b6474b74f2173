/** What writers of training images have in common: which draws an image gets, and on which pixels they are done. */
import { type ImageRegion, type PixelRegion, RegionResizer } from "../../pixels/resize.js";
import type { Channels } from "../../pixels/square.js";
import type { Random } from "../random.js";
import type { Augmentation } from "./augmentation.js";
import { ImageDrawer, type ImageDraws } from "./image-draws.js";

/** Writes one image at a time to a `Target`, at a place of it; all scratch memory is its own and reused. */
export abstract class AugmentingWriter<Target> {
  protected readonly drawer: ImageDrawer;
  private readonly resizer: RegionResizer;
  private readonly resized: Uint8Array;

  constructor(
    protected readonly size: number,
    standardDeviation: Channels,
    augmentation: Augmentation,
  ) {
    this.drawer = new ImageDrawer(size, standardDeviation, augmentation);
    this.resizer = new RegionResizer(size);
    this.resized = new Uint8Array(this.cropsRegions ? size * size * 3 : 0);
  }

  /** Of pixels [side, side, 3] from `start`, as it was drawn. */
  protected abstract put(pixels: Uint8Array, start: number, side: number, draws: ImageDraws, target: Target, at: number): void;

  /**
   * Augments one image.
   *
   * @param pixels holds [side, side, 3] from `start`; without a crop its centre is used
   * @param random the image's own stream
   * @returns the number of the window that was drawn, of `windowCount`; 0 where the crop is scaled, which has none
   */
  write(pixels: Uint8Array, start: number, side: number, target: Target, at: number, random: Random): number {
    if (!this.cropsRegions) {
      const draws = this.drawer.draw(side, random);
      this.put(pixels, start, side, draws, target, at);
      return this.drawer.numberOf(side, draws);
    }
    const { left, top, width, height } = this.chooseRegion(side, side, random);
    const region = { left: left * side, top: top * side, width: width * side, height: height * side };
    this.writeRegion(pixels, start, side, region, target, at, random);
    return 0;
  }

  /** A region of pixels [side, side, 3], scaled. */
  protected writeRegion(
    pixels: Uint8Array,
    start: number,
    side: number,
    region: PixelRegion,
    target: Target,
    at: number,
    random: Random,
  ): void {
    this.resizer.resize(pixels, start, side, region, this.resized);
    this.writeCropped(this.resized, target, at, random);
  }

  /** The window of that number and nothing else, as `write` does where it is drawn and only moves and mirrors. */
  writeWindow(pixels: Uint8Array, start: number, side: number, target: Target, at: number, window: number): void {
    this.put(pixels, start, side, this.drawer.windowOf(side, window), target, at);
  }

  /** As `write`, for pixels [size, size, 3] on which the crop was already done. */
  writeCropped(pixels: Uint8Array, target: Target, at: number, random: Random): void {
    this.put(pixels, 0, this.size, this.drawer.drawCropped(random), target, at);
  }

  get cropsRegions(): boolean {
    return this.drawer.cropsRegions;
  }

  chooseRegion(width: number, height: number, random: Random): ImageRegion {
    return this.drawer.chooseRegion(width, height, random);
  }
}
