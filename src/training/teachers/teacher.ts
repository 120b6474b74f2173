/**
 * A teacher tells how likely each class is of each image of a batch, as the network that learns sees the image: augmented alike, at the
 * same moment. Learning from that (a distribution loss, as in ReActNet, section 4.3, after Hinton et al. 2015) says more of an image than
 * its label does.
 */
import type { Backend } from "../../backend/device.js";
import type { Tensor } from "../../tensor.js";

/** Images as the loader normalizes them, [count, size, size, 3]: as it made them, and on the device. */
export interface TaughtImages {
  /** Undefined where the device has finished them, which no teacher that `readsPixels` is given. */
  readonly pixels: Float32Array | undefined;
  readonly tensor: Tensor;
  readonly count: number;
  /** [count, classes] scores that were looked up, of images that are views. */
  readonly answers?: Float32Array | undefined;
}

export interface TeacherSetup {
  /** Where a network of ours is run, and where answers go. */
  readonly backend: Backend;
  /** Most images that are asked about at once. */
  readonly batch: number;
  /** Of ONNX Runtime, which has its own. */
  readonly threads: number;
}

export interface Teacher {
  /** Whether it takes images from the host. */
  readonly readsPixels?: boolean;
  /** Attention maps of its stages for the images of the last call, float32 [batch, height * width], where they were asked for. */
  readonly attention?: readonly Tensor[];

  /**
   * `scores`: float32 [count, classes], whose softmax is what the teacher says. A teacher on the device enqueues its work and returns;
   * others are waited for.
   */
  teach(images: TaughtImages, scores: Tensor): Promise<void>;
  /** Makes the calls of a batch on the device, where it makes any and they have no effect (Device.rehearse). */
  rehearse?(images: Pick<TaughtImages, "tensor" | "count">, scores: Tensor): void;
  close(): Promise<void>;
}
