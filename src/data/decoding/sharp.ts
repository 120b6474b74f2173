/**
 * `sharp`, loaded when the first picture is decoded: pixels need none, and an install without it serves those. As CommonJS: Node looks into
 * every module of its that is imported before it runs it, which takes twice the time of all else.
 */
import type Sharp from "sharp";
import { messageOf, UserError } from "../../errors.js";
import { requireInstalled } from "../../installed.js";

let loaded: typeof Sharp | undefined;

/** @throws UserError where it is not installed, or not for this platform */
export function loadSharp(): typeof Sharp {
  loaded ??= prepared();
  return loaded;
}

function prepared(): typeof Sharp {
  let sharp: typeof Sharp;
  try {
    sharp = requireInstalled("sharp") as typeof Sharp;
  } catch (error) {
    const [reason = ""] = messageOf(error).trim().split("\n");
    throw new UserError(
      `pictures are decoded by the package sharp, which cannot be loaded (${reason.trim()}); ` +
        "npm install sharp, or give pixels { data, width, height }",
      { cause: error },
    );
  }
  // Many small images at once use the cores better than many threads on one image; and no image is decoded twice in a row.
  sharp.concurrency(1);
  sharp.cache(false);
  return sharp;
}
