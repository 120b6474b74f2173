/** Images that turn out to be unusable while batches are prepared, and when to give up on them. */

/** An image, by its index in the set, that cannot be used. */
export interface BadImage {
  readonly index: number;
  readonly reason: string;
}

/** So many unreadable images in a row are no accident, but a folder that went away. */
export const MOST_REPLACEMENTS = 100;

/** Every neighbour that was tried in place of an unreadable image is unreadable too; `last` is the last of them. */
export class UnreadableImagesError extends Error {
  override name = "UnreadableImagesError";

  constructor(readonly last: BadImage) {
    super("no neighbour of an unreadable image can be read");
  }
}
