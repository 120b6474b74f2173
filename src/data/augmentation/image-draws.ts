/** Draws what happens to an image, before any of its pixels is looked at: the same random numbers whoever changes the pixels. */
import type { ImageRegion } from "../../pixels/resize.js";
import type { Channels } from "../../pixels/square.js";
import type { Random } from "../random.js";
import type { Augmentation } from "./augmentation.js";

/** Principal components of ImageNet's colours in 0..1, by red, green, blue, each times its standard deviation's share. */
const LIGHTING_COMPONENTS: readonly Channels[] = [
  [-0.5675 * 0.2175, 0.7192 * 0.0188, 0.4009 * 0.0045],
  [-0.5808 * 0.2175, -0.0045 * 0.0188, -0.814 * 0.0045],
  [-0.5836 * 0.2175, -0.6948 * 0.0188, 0.4203 * 0.0045],
];

/** What happens to an image, in this order. */
export interface ImageDraws {
  /** Of the window, in pixels of the image. */
  readonly left: number;
  readonly top: number;
  readonly mirrored: boolean;
  readonly jitter: { readonly brightness: number; readonly contrast: number; readonly saturation: number } | undefined;
  /** Added to normalized values. */
  readonly light: Channels | undefined;
  /** From the first to before the second, within the window. */
  readonly cut: { readonly columns: readonly [number, number]; readonly rows: readonly [number, number] } | undefined;
}

export class ImageDrawer {
  constructor(
    private readonly size: number,
    private readonly standardDeviation: Channels,
    private readonly augmentation: Augmentation,
  ) {}

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

  /** For an image [side, side, 3], which is moved; without a crop its centre is used. */
  draw(side: number, random: Random): ImageDraws {
    const { padding } = this;
    const places = 2 * padding + 1;
    const first = this.firstOf(side);
    const left = padding === 0 ? 0 : random.integer(places);
    const top = padding === 0 ? 0 : random.integer(places);
    return this.drawRest(first + left, first + top, random);
  }

  /** For an image on which the crop was already done. */
  drawCropped(random: Random): ImageDraws {
    return this.drawRest(0, 0, random);
  }

  /** The window of that number and nothing else. */
  windowOf(side: number, window: number): ImageDraws {
    const places = 2 * this.padding + 1;
    const place = Math.floor(window / this.turns);
    const first = this.firstOf(side);
    return {
      left: first + (place % places),
      top: first + Math.floor(place / places),
      mirrored: window % this.turns === 1,
      jitter: undefined,
      light: undefined,
      cut: undefined,
    };
  }

  /** The number of the window that was drawn, of `windowCount`. */
  numberOf(side: number, { left, top, mirrored }: ImageDraws): number {
    const first = this.firstOf(side);
    return this.turns * ((top - first) * (2 * this.padding + 1) + left - first) + (mirrored ? 1 : 0);
  }

  private get padding(): number {
    const { crop } = this.augmentation;
    return crop?.kind === "pad" ? crop.padding : 0;
  }

  /** Ways in which a window lies at its place. */
  private get turns(): number {
    return this.augmentation.flip === true ? 2 : 1;
  }

  private firstOf(side: number): number {
    return ((side - this.size) >> 1) - this.padding;
  }

  /** Everything after the geometry of the crop. */
  private drawRest(left: number, top: number, random: Random): ImageDraws {
    const { flip = false, colorJitter, lighting = 0, cutout = 0 } = this.augmentation;
    const mirrored = flip && random.uniform() < 0.5;
    const factor = (range: number): number => 1 + range * (2 * random.uniform() - 1);
    const jitter = colorJitter && {
      brightness: factor(colorJitter.brightness),
      contrast: factor(colorJitter.contrast),
      saturation: factor(colorJitter.saturation),
    };
    const light = lighting > 0 ? this.drawLight(lighting, random) : undefined;
    const cut = cutout > 0 ? this.drawCut(cutout, random) : undefined;
    return { left, top, mirrored, jitter, light, cut };
  }

  private drawLight(standardDeviation: number, random: Random): Channels {
    const strengths = [
      random.normal() * standardDeviation,
      random.normal() * standardDeviation,
      random.normal() * standardDeviation,
    ];
    const [red, green, blue] = LIGHTING_COMPONENTS.map((components, channel) => {
      const shift = components.reduce((sum, component, index) => sum + component * strengths[index], 0);
      return Math.fround(shift / this.standardDeviation[channel]);
    });
    return [red, green, blue];
  }

  private drawCut(cutout: number, random: Random): NonNullable<ImageDraws["cut"]> {
    const { size } = this;
    const left = random.integer(size) - (cutout >> 1);
    const top = random.integer(size) - (cutout >> 1);
    return {
      columns: [Math.max(0, left), Math.min(size, left + cutout)],
      rows: [Math.max(0, top), Math.min(size, top + cutout)],
    };
  }
}
