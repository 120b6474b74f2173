/** The options of a network beyond its width, as a study file gives them: checked here, since a wrong one would be built into something else unseen. */
import { z } from "zod";
import type { NamedNetworkOptions } from "../networks/catalogue.js";
import type { RbnetOptions } from "../networks/rbnet.js";

type Further = Omit<NamedNetworkOptions, keyof RbnetOptions>;

/** Every option of the catalogue has a line here, or this does not compile. */
const FURTHER: { readonly [Key in keyof Required<Further>]: z.ZodExactOptional<z.ZodType<NonNullable<Further[Key]>>> } = {
  convolution: z.enum(["reshaped", "3x3"]).exactOptional(),
  estimator: z.enum(["polynomial", "clip"]).exactOptional(),
};

export const networkOptionsSchema = z.strictObject(FURTHER);
