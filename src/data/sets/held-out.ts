/** How a part that was split off the training images is called where data are introduced. */

export function heldOutText(fraction: number): string {
  return `held out of the training images (${Number((100 * fraction).toFixed(2))} % of each class)`;
}
