/** A network of ours as a teacher: its folded form, on the backend that trains, a few images at a time. */
import type { Backend } from "../../backend/device.js";
import type { OutputTransform } from "../../backend/terms.js";
import type { Dataset } from "../../data/dataset.js";
import { UserError } from "../../errors.js";
import { stageEnds } from "../../networks/stages.js";
import type { Model } from "../../runtime/model.js";
import { RuntimeNetwork } from "../../runtime/network.js";
import { valueShapes } from "../../runtime/operation-shapes.js";
import type { MapShape } from "../../runtime/windows.js";
import type { Tensor } from "../../tensor.js";
import type { Renormalizer } from "./renormalizer.js";
import type { TaughtImages, Teacher } from "./teacher.js";

export class ModelTeacher implements Teacher {
  private readonly network: RuntimeNetwork;
  private readonly classes: number;
  /** From pixels as the loader normalizes them to the model's own. */
  private readonly transform: OutputTransform;
  /** By operation: where the attention of a stage goes that ends there. */
  private readonly kept = new Map<number, Tensor>();
  readonly attention?: readonly Tensor[];

  /**
   * Allocates on `backend`, whose owner releases it.
   *
   * @throws UserError where the model's classes or size are not those of the data
   */
  constructor(
    private readonly backend: Backend,
    model: Model,
    name: string,
    data: Dataset,
    { batch, attention }: { readonly batch: number; readonly attention: boolean },
    { scale, shift }: Renormalizer,
  ) {
    const { classes, size, operations } = model;
    if (size !== data.size)
      throw new UserError(
        `the teacher ${name} takes ${size} x ${size} images, the data are ${data.size} x ${data.size}; train a teacher ` +
          "on images of that size",
      );
    const other = data.classes.findIndex((label, index) => label !== classes[index]);
    if (other >= 0 || classes.length !== data.classes.length)
      throw new UserError(
        `the teacher ${name} knows ${classes.length} classes (${classes.slice(0, 3).join(", ")}...), the data have ` +
          `${data.classes.length} (${data.classes.slice(0, 3).join(", ")}...); train a teacher on the same classes in the ` +
          "same order",
      );
    this.classes = classes.length;
    const images = Math.max(1, Math.min(batch, Math.floor(backend.preferences.batchPixels / size ** 2)));
    const inputShape = { height: size, width: size, channels: 3 };
    this.network = new RuntimeNetwork(backend, operations, inputShape, images);
    const norm = backend.allocate("float32", [4, 3]);
    backend.write(norm, Float32Array.of(...scale, ...shift, 0, 0, 0, 1, 1, 1));
    this.transform = { norm, layout: undefined, shortcut: undefined, activation: undefined };
    if (!attention) return;
    const shapes = valueShapes(operations, inputShape);
    // The last call of a batch may have room for more images than are left of it.
    const room = Math.ceil(batch / images) * images;
    for (const end of stageEnds(operations.map(({ name }) => name))) {
      const { height, width } = shapes[end + 1] as MapShape;
      this.kept.set(end, backend.allocate("float32", [room, height * width]));
    }
    this.attention = [...this.kept.values()].map((maps) => backend.view(maps, [batch, maps.shape[1] ?? 0]));
  }

  async teach(images: TaughtImages, scores: Tensor): Promise<void> {
    this.enqueue(images, scores);
  }

  rehearse(images: Pick<TaughtImages, "tensor" | "count">, scores: Tensor): void {
    this.enqueue(images, scores);
  }

  private enqueue({ tensor, count }: Pick<TaughtImages, "tensor" | "count">, scores: Tensor): void {
    const { backend, network, classes, transform } = this;
    const [, height = 0, width = 0, channels = 0] = tensor.shape;
    for (let first = 0; first < count; first += network.images) {
      const used = Math.min(network.images, count - first);
      const pixels = used * height * width;
      const images = backend.view(tensor, [pixels, channels], first * height * width * channels);
      backend.normalizeActivate(images, transform, backend.view(network.input, [used, height, width, channels]));
      this.run(first);
      backend.copy(backend.view(network.output, [used, classes]), backend.view(scores, [used, classes], first * classes));
    }
  }

  /** The network on the images of a batch from `first` on. */
  private run(first: number): void {
    const { backend, network, kept } = this;
    for (const index of network.operations.keys()) {
      const result = network.runOperation(index);
      const maps = kept.get(index);
      if (maps === undefined) continue;
      const pixels = maps.shape[1] ?? 0;
      backend.attentionMap(result, backend.view(maps, [network.images, pixels], first * pixels));
    }
  }

  async close(): Promise<void> {}
}
