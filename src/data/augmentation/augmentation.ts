/**
 * What may happen to a training image: one schema for the settings of a run, the command line, studies and the loader. What follows from
 * it for pixels is the image writer's.
 */
import { z } from "zod";
import { UserError } from "../../errors.js";
import { requirement } from "../../problems.js";

/** A smallest and a largest value, above 0. */
const span = (largest: number) =>
  z
    .tuple([z.number().gt(0).max(largest), z.number().gt(0).max(largest)])
    .refine(([least, most]) => least <= most, `it must rise from above 0 to at most ${largest}`)
    .readonly();

const share = z.number().min(0).max(1);

/** In this order; nothing given, nothing happens. */
export const augmentationSchema = z.strictObject({
  crop: z
    .discriminatedUnion("kind", [
      /** A window of the image's size, moved up to `padding` pixels each way, the mean colour beyond the border. */
      z.strictObject({ kind: z.literal("pad"), padding: z.int().min(0) }),
      /** A region with `scale` of the area and `ratio` of width to height, scaled to the full size (Szegedy et al. 2015). */
      z.strictObject({ kind: z.literal("resized"), scale: span(1), ratio: span(100) }),
    ])
    .exactOptional(),
  /** Mirrors left and right, every other time. */
  flip: z.boolean().exactOptional(),
  /** Each factor is drawn from 1 - value to 1 + value. */
  colorJitter: z.strictObject({ brightness: share, contrast: share, saturation: share }).exactOptional(),
  /** Standard deviation of noise along the principal components of natural colours (Krizhevsky et al. 2012); 0.1 is usual. */
  lighting: z.number().min(0).max(10).exactOptional(),
  /** Side in pixels of a square in the mean colour, anywhere, also partly outside (DeVries and Taylor 2017). */
  cutout: z.int().min(0).exactOptional(),
  /** Mixes each image with another of its batch, weights from Beta(mixup, mixup) (Zhang et al. 2018). */
  mixup: z.number().min(0).max(100).exactOptional(),
});

export type Augmentation = Readonly<z.output<typeof augmentationSchema>>;

/** Of all that may happen to an image, where it lies: which crop, and whether it is mirrored. */
export function geometryOf({
  crop = { kind: "pad", padding: 0 },
  flip = false,
}: Augmentation): Pick<Required<Augmentation>, "crop" | "flip"> {
  return { crop, flip };
}

/** How many windows an image has that is moved and mirrored: each is a place of the crop, as it is or mirrored; none where it is scaled. */
export function windowCount(augmentation: Augmentation): number {
  const { crop, flip } = geometryOf(augmentation);
  return crop.kind === "pad" ? (2 * crop.padding + 1) ** 2 * (flip ? 2 : 1) : 0;
}

/** @throws UserError where a value makes no sense for images of `size` */
export function checkAugmentation(augmentation: Augmentation, size: number): void {
  const issue = augmentationSchema.safeParse(augmentation).error?.issues[0];
  if (issue !== undefined) throw unusable(augmentation, issue.path, requirement(issue.message));
  const { crop, cutout = 0 } = augmentation;
  if (crop?.kind === "pad" && crop.padding >= size)
    throw unusable(augmentation, ["crop", "padding"], `it must be a whole number from 0 to ${size - 1}`);
  if (cutout > size) throw unusable(augmentation, ["cutout"], `it must be a whole number of pixels up to ${size}`);
}

/** `path`: to the value; one of a span stands for both. */
function unusable(augmentation: Augmentation, path: readonly PropertyKey[], expected: string): UserError {
  const names = path.filter((key) => typeof key === "string");
  const found = names.reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], augmentation);
  const name = names.slice(Array.isArray(found) ? -2 : -1).join(" ");
  return new UserError(
    `augmentation: a ${name} of ${Array.isArray(found) ? found.join(" to ") : found} was given, but ${expected}`,
  );
}
