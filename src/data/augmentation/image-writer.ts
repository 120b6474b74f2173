/**
 * Augmentation of pixels, and the step from bytes to the normalized floats that a network reads. For an ordinary small
 * image everything is one pass: a moved, perhaps mirrored copy through a table of 256 normalized values per channel.
 */
import { type ImageRegion, RegionResizer } from "../../pixels/resize.js";
import type { Channels } from "../../pixels/square.js";
import type { Random } from "../random.js";
import type { Augmentation } from "./augmentation.js";

/** Principal components of ImageNet's colours in 0..1, by red, green, blue, each times its standard deviation's share. */
const LIGHTING_COMPONENTS: readonly Channels[] = [
  [-0.5675 * 0.2175, 0.7192 * 0.0188, 0.4009 * 0.0045],
  [-0.5808 * 0.2175, -0.0045 * 0.0188, -0.814 * 0.0045],
  [-0.5836 * 0.2175, -0.6948 * 0.0188, 0.4203 * 0.0045],
];

/** Weights of red, green and blue in a pixel's brightness (ITU-R BT.601). */
const LUMA: Channels = [0.299, 0.587, 0.114];

/** Writes one image at a time; all scratch memory is its own and reused. */
export class ImageWriter {
  private readonly size: number;
  private readonly augmentation: Augmentation;
  private readonly mean: Channels;
  private readonly standardDeviation: Channels;
  /** [3, 256]: normalized value of each byte. */
  private readonly table = new Float32Array(768);
  private readonly offset = new Float32Array(3);
  private readonly resizer: RegionResizer;
  private readonly resized: Uint8Array;

  constructor(size: number, mean: Channels, standardDeviation: Channels, augmentation: Augmentation = {}) {
    this.size = size;
    this.augmentation = augmentation;
    this.mean = mean;
    this.standardDeviation = standardDeviation;
    for (let channel = 0; channel < 3; channel++) {
      for (let value = 0; value < 256; value++) {
        this.table[channel * 256 + value] = (value / 255 - mean[channel]) / standardDeviation[channel];
      }
    }
    this.resizer = new RegionResizer(size);
    this.resized = new Uint8Array(augmentation.crop?.kind === "resized" ? size * size * 3 : 0);
  }

  /**
   * Augments and normalizes one image.
   *
   * @param pixels holds [side, side, 3] from `start`; without a crop its centre is used
   * @param images receives [size, size, 3] from `at`
   * @param random the image's own stream
   * @returns the number of the window that was drawn, of `windowCount`; 0 where the crop is scaled, which has none
   */
  write(pixels: Uint8Array, start: number, side: number, images: Float32Array, at: number, random: Random): number {
    if (this.augmentation.crop?.kind === "resized") {
      const { left, top, width, height } = this.chooseRegion(side, side, random);
      this.resizer.resize(
        pixels,
        start,
        side,
        { left: left * side, top: top * side, width: width * side, height: height * side },
        this.resized,
      );
      this.writeCropped(this.resized, images, at, random);
      return 0;
    }
    return this.drawWindow(pixels, start, side, images, at, random);
  }

  /** The window of that number and nothing else, as `write` does where it is drawn and only moves and mirrors. */
  writeWindow(pixels: Uint8Array, start: number, side: number, images: Float32Array, at: number, window: number): void {
    const places = 2 * this.padding + 1;
    const turns = this.augmentation.flip === true ? 2 : 1;
    const place = Math.floor(window / turns);
    const first = ((side - this.size) >> 1) - this.padding;
    const [left, top] = [first + (place % places), first + Math.floor(place / places)];
    this.copy(pixels, start, side, left, top, window % turns === 1, images, at);
  }

  /** As `write`, for pixels [size, size, 3] on which the crop was already done. */
  writeCropped(pixels: Uint8Array, images: Float32Array, at: number, random: Random): void {
    this.finish(pixels, 0, this.size, 0, 0, images, at, random);
  }

  /** Whether files should be decoded to a region chosen by `chooseRegion` instead of whole. */
  get cropsRegions(): boolean {
    return this.augmentation.crop?.kind === "resized";
  }

  /** Draws the region of a resized crop for an image of this width and height; the largest centred one where none fits. */
  chooseRegion(width: number, height: number, random: Random): ImageRegion {
    const crop = this.augmentation.crop;
    if (crop?.kind !== "resized") throw new Error("only a resized crop chooses a region");
    const { scale, ratio } = crop;
    for (let attempt = 0; attempt < 10; attempt++) {
      const area = width * height * (scale[0] + (scale[1] - scale[0]) * random.uniform());
      const shape = Math.exp(Math.log(ratio[0]) + (Math.log(ratio[1]) - Math.log(ratio[0])) * random.uniform());
      const w = Math.sqrt(area * shape);
      const h = Math.sqrt(area / shape);
      if (w > width || h > height) continue;
      return {
        left: ((width - w) * random.uniform()) / width,
        top: ((height - h) * random.uniform()) / height,
        width: w / width,
        height: h / height,
      };
    }
    const shape = Math.min(Math.max(width / height, ratio[0]), ratio[1]);
    const w = Math.min(width, height * shape) / width;
    const h = Math.min(height, width / shape) / height;
    return { left: (1 - w) / 2, top: (1 - h) / 2, width: w, height: h };
  }

  private get padding(): number {
    const { crop } = this.augmentation;
    return crop?.kind === "pad" ? crop.padding : 0;
  }

  private drawWindow(pixels: Uint8Array, start: number, side: number, images: Float32Array, at: number, random: Random): number {
    const { padding } = this;
    const places = 2 * padding + 1;
    const first = ((side - this.size) >> 1) - padding;
    const left = padding === 0 ? 0 : random.integer(places);
    const top = padding === 0 ? 0 : random.integer(places);
    const mirrored = this.finish(pixels, start, side, first + left, first + top, images, at, random);
    const place = top * places + left;
    return this.augmentation.flip === true ? 2 * place + (mirrored ? 1 : 0) : place;
  }

  /**
   * Everything after the geometry of the crop: the window at (left, top), mirrored, recoloured, normalized, cut out. Returns whether it is
   * mirrored.
   */
  private finish(
    pixels: Uint8Array,
    start: number,
    side: number,
    left: number,
    top: number,
    images: Float32Array,
    at: number,
    random: Random,
  ): boolean {
    const { flip = false, colorJitter, lighting = 0, cutout = 0 } = this.augmentation;
    const mirrored = flip && random.uniform() < 0.5;
    this.copy(pixels, start, side, left, top, mirrored, images, at);
    if (colorJitter !== undefined) this.jitter(colorJitter, images, at, random);
    if (lighting > 0) this.light(lighting, images, at, random);
    if (cutout > 0) this.cut(cutout, images, at, random);
    return mirrored;
  }

  private copy(
    pixels: Uint8Array,
    start: number,
    side: number,
    left: number,
    top: number,
    mirrored: boolean,
    images: Float32Array,
    at: number,
  ): void {
    const size = this.size;
    const table = this.table;
    const firstX = Math.max(0, -left);
    const endX = Math.min(size, side - left);
    const outside = firstX > 0 || endX < size;
    for (let y = 0; y < size; y++) {
      const row = at + y * size * 3;
      const sourceY = y + top;
      if (outside || sourceY < 0 || sourceY >= side) images.fill(0, row, row + size * 3); // zero is the mean colour
      if (sourceY < 0 || sourceY >= side) continue;
      let from = start + (sourceY * side + left + firstX) * 3;
      let to = row + (mirrored ? size - 1 - firstX : firstX) * 3;
      const step = mirrored ? -3 : 3;
      for (let x = firstX; x < endX; x++) {
        images[to] = table[pixels[from]];
        images[to + 1] = table[256 + pixels[from + 1]];
        images[to + 2] = table[512 + pixels[from + 2]];
        from += 3;
        to += step;
      }
    }
  }

  /** Brightness, contrast and saturation are linear, so all three are one matrix; values are clipped to 0..1 once, at the end. */
  private jitter(
    jitter: { brightness: number; contrast: number; saturation: number },
    images: Float32Array,
    at: number,
    random: Random,
  ): void {
    const factor = (range: number): number => 1 + range * (2 * random.uniform() - 1);
    const brightness = factor(jitter.brightness);
    const contrast = factor(jitter.contrast);
    const saturation = factor(jitter.saturation);
    const [meanRed, meanGreen, meanBlue] = this.mean;
    const [red, green, blue] = this.standardDeviation;
    const end = at + this.size * this.size * 3;
    let brightnessSum = 0;
    for (let pixel = at; pixel < end; pixel += 3) {
      brightnessSum +=
        LUMA[0] * (images[pixel] * red + meanRed) +
        LUMA[1] * (images[pixel + 1] * green + meanGreen) +
        LUMA[2] * (images[pixel + 2] * blue + meanBlue);
    }
    const average = (brightnessSum / (this.size * this.size)) * brightness;
    const clip = (value: number): number => Math.min(1, Math.max(0, value));
    const gain = brightness * contrast;
    const lift = (1 - contrast) * average;
    for (let pixel = at; pixel < end; pixel += 3) {
      const r = (images[pixel] * red + meanRed) * gain + lift;
      const g = (images[pixel + 1] * green + meanGreen) * gain + lift;
      const b = (images[pixel + 2] * blue + meanBlue) * gain + lift;
      const grey = (1 - saturation) * (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b);
      images[pixel] = (clip(r * saturation + grey) - meanRed) / red;
      images[pixel + 1] = (clip(g * saturation + grey) - meanGreen) / green;
      images[pixel + 2] = (clip(b * saturation + grey) - meanBlue) / blue;
    }
  }

  private light(standardDeviation: number, images: Float32Array, at: number, random: Random): void {
    const strengths = [
      random.normal() * standardDeviation,
      random.normal() * standardDeviation,
      random.normal() * standardDeviation,
    ];
    LIGHTING_COMPONENTS.forEach((components, channel) => {
      const shift = components.reduce((sum, component, index) => sum + component * strengths[index], 0);
      this.offset[channel] = shift / this.standardDeviation[channel];
    });
    const [red, green, blue] = this.offset;
    const end = at + this.size * this.size * 3;
    for (let pixel = at; pixel < end; pixel += 3) {
      images[pixel] = images[pixel] + red;
      images[pixel + 1] = images[pixel + 1] + green;
      images[pixel + 2] = images[pixel + 2] + blue;
    }
  }

  private cut(cutout: number, images: Float32Array, at: number, random: Random): void {
    const size = this.size;
    const left = random.integer(size) - (cutout >> 1);
    const top = random.integer(size) - (cutout >> 1);
    const from = Math.max(0, left);
    const end = Math.min(size, left + cutout);
    for (let y = Math.max(0, top); y < Math.min(size, top + cutout); y++) {
      images.fill(0, at + (y * size + from) * 3, at + (y * size + end) * 3);
    }
  }
}
