/**
 * Lopsided classes made to count alike, in one of two ways: an image weighs the more in the loss, or is drawn the more often in an epoch,
 * the fewer its class has. Both give an image the same factor: images of all classes by those of its class, divided by the classes.
 */
import type { Random } from "../random.js";

/** Factor of an image by its class, of which the mean over all images is 1; 0 for a class without images. */
export function balancedFactors(labels: Uint16Array, classes: number): Float64Array {
  const counts = new Float64Array(classes);
  for (const label of labels) counts[label]++;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 0 : labels.length / (present * count)));
}

/**
 * How often each image is drawn in an epoch of as many draws as there are images, all classes alike: within a class as often as any other,
 * or once more. What cannot be divided evenly goes to classes, and within a class to images, that are drawn.
 */
export function balancedDraws(labels: Uint16Array, random: Random): Uint32Array {
  const members = new Map<number, number[]>();
  for (const [index, label] of labels.entries()) {
    const own = members.get(label);
    if (own === undefined) members.set(label, [index]);
    else own.push(index);
  }
  const order = Uint32Array.from(members.keys()).sort();
  random.shuffle(order);
  const quota = Math.floor(labels.length / order.length);
  const over = labels.length - quota * order.length;
  const draws = new Uint32Array(labels.length);
  for (const [place, label] of order.entries()) {
    const images = Uint32Array.from(members.get(label) ?? []);
    random.shuffle(images);
    const wanted = quota + (place < over ? 1 : 0);
    const rest = wanted % images.length;
    for (const [rank, index] of images.entries()) draws[index] = Math.floor(wanted / images.length) + (rank < rest ? 1 : 0);
  }
  return draws;
}
