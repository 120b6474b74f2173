/**
 * A teacher tells how likely each class is of each image of a batch, as the network that learns sees the image: augmented alike, at the
 * same moment. Learning from that (a distribution loss, as in ReActNet, section 4.3, after Hinton et al. 2015) says more of an image than
 * its label does.
 */
import type { Tensor } from "../../tensor.js";

export interface Teacher {
  /** Attention maps of its stages for the images of the last call, float32 [batch, height * width], where they were asked for. */
  readonly attention?: readonly Tensor[];

  /**
   * images: [count, size, size, 3] as the loader normalizes them. Returns [count, classes], softmax(scores / temperature). The result lasts
   * until the next call.
   */
  probabilities(images: Float32Array, count: number, temperature: number): Promise<Float32Array>;
  close(): Promise<void>;
}
