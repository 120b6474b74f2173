/** The part of the contract that is about images before they are a network's input; not every backend has it. */
import type { Tensor } from "../tensor.js";
import type { CropTerms, ImageTerms } from "./terms.js";

/** What a device may do of the host's work: those that lie far from it, to which bytes are carried sooner than floats. */
export interface ImageKernels {
  /**
   * out[i] = image i as its row of draws says (pixels/draws.ts): cropped, mirrored, recoloured, normalized, lit, cut out, and mixed with
   * its partner, which went through the same. bytes: those of [I, side, side, pixelBytes], packed in words; draws: float32
   * [I * DRAWN_NUMBERS]; out: [I, size, size, 3].
   */
  augmentImages(bytes: Tensor<"uint32">, draws: Tensor, terms: ImageTerms, out: Tensor): void;
  /**
   * out[i] = crop i, scaled from the pixels that it needs as its own words say (pixels/crops.ts). crops: I words, the places at which the
   * crops begin, and these; out: [I, size, size], a word a pixel, whose first three bytes are its colours.
   */
  scaleCrops(crops: Tensor<"uint32">, terms: CropTerms, out: Tensor<"uint32">): void;
}
