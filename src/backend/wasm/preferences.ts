/** What suits processors, found by measurements. */
import type { Preferences } from "../device.js";

export const PREFERENCES: Preferences = {
  // Maps of so many stay in the second-level cache. With six times as many, an image of 32 x 32 takes a third longer.
  batchPixels: 1 << 14,
  recomputedElements: 1 << 14,
};
