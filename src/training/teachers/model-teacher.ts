/** A network of ours as a teacher: its folded form, on the backend that trains, a few images at a time. */
import type { Backend } from "../../backend/device.js";
import type { Dataset } from "../../data/dataset.js";
import { UserError } from "../../errors.js";
import { stageEnds } from "../../networks/stages.js";
import type { Model } from "../../runtime/model.js";
import { RuntimeNetwork } from "../../runtime/network.js";
import { valueShapes } from "../../runtime/operation-shapes.js";
import type { MapShape } from "../../runtime/windows.js";
import type { Tensor } from "../../tensor.js";
import type { Renormalizer } from "./renormalizer.js";
import { toProbabilities } from "./soft-labels.js";
import type { Teacher } from "./teacher.js";

export class ModelTeacher implements Teacher {
  private readonly network: RuntimeNetwork;
  private readonly input: Float32Array;
  private readonly result: Float32Array;
  private readonly classes: number;
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
    private readonly pixels: Renormalizer,
  ) {
    const { classes, size, operations } = model;
    if (size !== data.size)
      throw new UserError(
        `the teacher ${name} takes ${size} x ${size} images, the data are ${data.size} x ${data.size}; train a teacher on images of that size`,
      );
    const other = data.classes.findIndex((label, index) => label !== classes[index]);
    if (other >= 0 || classes.length !== data.classes.length)
      throw new UserError(
        `the teacher ${name} knows ${classes.length} classes (${classes.slice(0, 3).join(", ")}...), the data have ${data.classes.length} (${data.classes.slice(0, 3).join(", ")}...); train a teacher on the same classes in the same order`,
      );
    this.classes = classes.length;
    const images = Math.max(1, Math.min(batch, Math.floor(backend.preferences.batchPixels / size ** 2)));
    const inputShape = { height: size, width: size, channels: 3 };
    this.network = new RuntimeNetwork(backend, operations, inputShape, images);
    this.input = new Float32Array(images * size * size * 3);
    this.result = new Float32Array(batch * this.classes);
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

  async probabilities(images: Float32Array, count: number, temperature: number): Promise<Float32Array> {
    const { backend, network, input, classes } = this;
    const { scale, shift } = this.pixels;
    const perImage = images.length / count;
    for (let first = 0; first < count; first += network.images) {
      const used = Math.min(network.images, count - first);
      const from = first * perImage;
      for (let i = 0; i < used * perImage; i += 3)
        for (let c = 0; c < 3; c++) input[i + c] = (images[from + i + c] as number) * (scale[c] as number) + (shift[c] as number);
      backend.write(network.input, input);
      this.run(first);
      const scores = await backend.read(network.output);
      this.result.set(scores.subarray(0, used * classes), first * classes);
    }
    const result = this.result.subarray(0, count * classes);
    toProbabilities(result, classes, temperature);
    return result;
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
