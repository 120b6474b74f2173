/** What becomes of images that cannot be used: they are named, and where they are too many, nothing goes on with what is left. */
import { UserError } from "../../errors.js";
import type { SkippedImage } from "../dataset.js";

/** Share of unreadable images up to which they are skipped without asking. */
export const USUAL_BAD_FRACTION = 0.1;

/** @throws UserError where more than `maxBadFraction` of `count` images are skipped; it names the first few */
export function requireFewSkipped(place: string, skipped: readonly SkippedImage[], count: number, maxBadFraction: number): void {
  if (skipped.length <= count * maxBadFraction) return;
  const named = skipped.slice(0, 3).map(({ path, reason }) => `${path} (${reason})`);
  const others = skipped.length - named.length;
  throw new UserError(
    `${skipped.length} of the ${count} images ${place} cannot be used, more than the ${maxBadFraction * 100} % that are ` +
      `skipped without asking: ${named.join(", ")}${others > 0 ? ` and ${others} more` : ""}; repair or remove them`,
  );
}
