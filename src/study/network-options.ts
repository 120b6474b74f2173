/**
 * The options of a network beyond its width, as a study file gives them: checked here, since a wrong one would be built into something else
 * unseen.
 */
import { z } from "zod";
import type { Variation } from "../networks/catalogue.js";
import { binaryConvolutionKinds, blockPatterns, halvingKinds, shortcutKinds, stemKinds } from "../networks/description.js";
import { activationKinds } from "../runtime/activation.js";

/** Every option of the catalogue has a line here, or this does not compile. */
const FURTHER: { readonly [Key in keyof Required<Variation>]: z.ZodExactOptional<z.ZodType<NonNullable<Variation[Key]>>> } = {
  convolution: z.enum(binaryConvolutionKinds).exactOptional(),
  estimator: z.enum(["polynomial", "clip"]).exactOptional(),
  activation: z.enum([...activationKinds, "none"]).exactOptional(),
  blocks: z.enum(blockPatterns).exactOptional(),
  halving: z.enum(halvingKinds).exactOptional(),
  shortcut: z.enum(shortcutKinds).exactOptional(),
  gated: z.union([z.boolean(), z.literal("late")]).exactOptional(),
  learnThreshold: z.boolean().exactOptional(),
  stem: z.enum(stemKinds).exactOptional(),
  units: z.array(z.int().positive()).readonly().exactOptional(),
};

export const networkOptionsSchema = z.strictObject(FURTHER);
