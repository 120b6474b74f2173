/**
 * One batch, or a part of it: forward, loss, backward. Owns the step's input, targets and loss memory; what it saves lives in the layers.
 * It waits for nothing: the losses and hits of all steps add up on the device.
 */
import type { Backend } from "../../backend/device.js";
import type { RawForm } from "../../data/augmentation/raw-images.js";
import type { Batch, BatchImages } from "../../data/loading/batch-source.js";
import { ImageInput } from "../../deploy/image-input.js";
import { UserError } from "../../errors.js";
import type { Network, Visit } from "../../networks/network.js";
import type { Tensor } from "../../tensor.js";
import { partImages, type TrainingOptions } from "../settings/options.js";
import type { Teacher } from "../teachers/teacher.js";

/** What the steps of an epoch add up on the device, where it is read while later steps run. */
export interface StepTotals {
  /**
   * Of the batches' means: cross-entropy, and for a teacher's part the divergence from its probabilities (Kullback-Leibler) and from what
   * its stages attend to.
   */
  readonly lossSum: number;
  /** Images whose highest score is their own class; with mixup, the class of larger weight. */
  readonly correct: number;
}

export class TrainingStep {
  private readonly input: ImageInput;
  private readonly targets: Tensor;
  private readonly softTargets: Tensor;
  private readonly targetValues: Float32Array;
  private readonly labels: Tensor<"int32">;
  private readonly losses: Tensor;
  private readonly lossSum: Tensor<"accumulator">;
  private readonly correct: Tensor<"accumulator">;
  private readonly gradient: Tensor;
  private readonly classes: number;
  private readonly pull: Visit | undefined;
  /** Of the teacher's part in the loss, from now on. */
  teacherWeight: number;

  /**
   * @param classWeights what an image counts in the labels' part of the loss, by class; 1 where undefined
   * @param rawForm of the batches' images, where the device finishes them
   * @throws UserError where the teacher's attention is asked for, and its stages are others than the network's
   */
  constructor(
    private readonly backend: Backend,
    private readonly network: Network,
    private readonly options: TrainingOptions,
    private readonly teacher?: Teacher,
    private readonly classWeights?: Float64Array | undefined,
    rawForm?: RawForm | undefined,
  ) {
    const { input, classes } = network.description;
    const batch = partImages(options);
    this.classes = classes;
    const images = backend.allocate("float32", [batch, input.height, input.width, input.channels]);
    this.input = new ImageInput(backend, images, rawForm);
    this.targets = backend.allocate("float32", [batch, 1, 1, classes]);
    this.softTargets = teacher === undefined ? this.targets : backend.allocate("float32", [batch, 1, 1, classes]);
    this.targetValues = new Float32Array(batch * classes);
    this.labels = backend.allocate("int32", [batch]);
    this.losses = backend.allocate("float32", [batch]);
    this.lossSum = backend.allocate("accumulator", [1]);
    this.correct = backend.allocate("accumulator", [1]);
    this.gradient = backend.allocate("float32", [batch, 1, 1, classes]);
    this.pull = this.attentionPull();
    this.teacherWeight = options.distill?.weight ?? 0;
  }

  /** Pulls what each stage attends to towards what the teacher's does. The loss grows by it. */
  private attentionPull(): Visit | undefined {
    const { backend, network, options, losses } = this;
    const attention = this.teacher?.attention;
    const weight = options.distill?.attention ?? 0;
    if (attention === undefined || weight === 0) return undefined;
    const pixels = (counts: readonly number[]): string => counts.join(", ");
    const [own, wanted] = [
      network.stageMaps.map(({ height, width }) => height * width),
      attention.map(({ shape }) => shape[1] ?? 0),
    ];
    if (pixels(own) !== pixels(wanted))
      throw new UserError(
        `the teacher's stages end on maps of ${pixels(wanted)} pixels, those of ${network.description.name} of ` +
          `${pixels(own)}; take a teacher with the same stages, or leave its attention out`,
      );
    const term = { weight, scale: 1 / (options.batch * options.accumulate) };
    return (layer, map, gradient) => {
      const wantedHere = attention[network.stageEnds.indexOf(layer)];
      if (wantedHere !== undefined) backend.attentionMatch(map, wantedHere, term, losses, gradient);
    };
  }

  /**
   * Adds the batch's gradients to those of the parameters, and its loss and hits to the totals. The batch must be full.
   *
   * @param layerDone called when the gradients of a layer, by its number, are complete
   */
  async run(batch: Batch<BatchImages>, layerDone?: (layer: number) => Promise<void>): Promise<void> {
    const { backend, network, teacher, input, labels } = this;
    const { tensor } = input;
    input.write(batch.images);
    backend.write(labels, this.labelsOf(batch));
    if (this.teacherWeight < 1) backend.write(this.targets, this.targetsOf(batch));
    if (teacher !== undefined) {
      const { images, count, answers } = batch;
      const pixels = images instanceof Float32Array ? images : undefined;
      await teacher.teach({ pixels, tensor, count, answers }, this.softTargets);
      this.enqueueProbabilities();
    }
    const logits = network.forward(tensor);
    this.enqueueLoss(logits);
    if (layerDone === undefined) network.backward(this.gradient, this.pull);
    else for (const layer of network.backwardByLayer(this.gradient, this.pull)) await layerDone(layer);
    this.enqueueTotals(logits);
  }

  /** Makes the calls of a step that need no batch, where they have no effect (Device.rehearse). */
  rehearse(): void {
    const { network, input, teacher, softTargets, options } = this;
    input.rehearse();
    if (teacher !== undefined) {
      teacher.rehearse?.({ tensor: input.tensor, count: options.batch }, softTargets);
      this.enqueueProbabilities();
    }
    const logits = network.forward(input.tensor);
    this.enqueueLoss(logits);
    network.backward(this.gradient, this.pull);
    this.enqueueTotals(logits);
  }

  /** Of all steps that were enqueued, and of what they started from. */
  async totals(): Promise<StepTotals> {
    const [[lossSum = 0] = [], [correct = 0] = []] = await this.backend.readAll([this.lossSum, this.correct]);
    return { lossSum, correct };
  }

  /** What the totals go on from: those of the epoch's steps that are done already. */
  startFrom({ lossSum, correct }: StepTotals): void {
    this.backend.write(this.lossSum, Float64Array.of(lossSum));
    this.backend.write(this.correct, Float64Array.of(correct));
  }

  /** From the teacher's scores. */
  private enqueueProbabilities(): void {
    this.backend.softmax(this.softTargets, this.options.distill?.temperature ?? 1, this.softTargets);
  }

  /** Cross-entropy to the labels, divergence from the teacher's probabilities, or both. */
  private enqueueLoss(logits: Tensor): void {
    const { backend, targets, softTargets, losses, gradient, options, teacher, teacherWeight: weight } = this;
    const { temperature } = options.distill ?? { temperature: 1 };
    const scale = 1 / (options.batch * options.accumulate);
    if (weight < 1) {
      const term = { weight: 1 - weight, temperature: 1, scale, accumulate: false, divergence: false };
      backend.softmaxCrossEntropy(logits, targets, term, losses, gradient);
    }
    if (teacher === undefined) return;
    const term = { weight, temperature, scale, accumulate: weight < 1, divergence: true };
    backend.softmaxCrossEntropy(logits, softTargets, term, losses, gradient);
  }

  private enqueueTotals(logits: Tensor): void {
    const { backend, labels, losses, lossSum, correct, options } = this;
    backend.sumLosses(losses, 1 / options.batch, lossSum);
    backend.countCorrect(logits, labels, correct);
  }

  /** Smoothed and mixed one-hot rows, times what the classes that are mixed count; until the next call. */
  private targetsOf({ labels, mixLabels, mixWeight, count }: Batch<BatchImages>): Float32Array {
    const { targetValues, classes, classWeights } = this;
    const { labelSmoothing } = this.options;
    for (let i = 0; i < count; i++) {
      const row = targetValues.subarray(i * classes, (i + 1) * classes);
      const [own, other] = [labels[i] as number, mixLabels[i] as number];
      const ownWeight = (mixWeight[i] as number) * (classWeights?.[own] ?? 1);
      const otherWeight = (1 - (mixWeight[i] as number)) * (classWeights?.[other] ?? 1);
      row.fill((labelSmoothing / classes) * (ownWeight + otherWeight));
      row[own] = (row[own] as number) + (1 - labelSmoothing) * ownWeight;
      row[other] = (row[other] as number) + (1 - labelSmoothing) * otherWeight;
    }
    return targetValues;
  }

  /** What each image shows most of. */
  private labelsOf({ labels, mixLabels, mixWeight }: Batch<BatchImages>): Int32Array {
    return labels.map((label, i) => ((mixWeight[i] as number) >= 0.5 ? label : (mixLabels[i] as number)));
  }
}
