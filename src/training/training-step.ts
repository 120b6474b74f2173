/** One batch: forward, loss, backward. Owns the step's input, targets and loss memory; what it saves lives in the layers. */
import type { Backend } from "../backend/kernels.js";
import type { Batch } from "../data/loader.js";
import type { Network } from "../networks/network.js";
import type { Tensor } from "../tensor.js";
import type { TrainingOptions } from "./options.js";

export interface StepResult {
  /** Mean cross-entropy of the batch. */
  readonly loss: number;
  /** Images whose highest score is their own class; with mixup, the class of larger weight. */
  readonly correct: number;
}

export class TrainingStep {
  private readonly images: Tensor;
  private readonly targets: Tensor;
  private readonly targetValues: Float32Array;
  private readonly losses: Tensor;
  private readonly gradient: Tensor;
  private readonly classes: number;

  constructor(
    private readonly backend: Backend,
    private readonly network: Network,
    private readonly options: TrainingOptions,
  ) {
    const { input, classes } = network.description;
    const { batch } = options;
    this.classes = classes;
    this.images = backend.allocate("float32", [batch, input.height, input.width, input.channels]);
    this.targets = backend.allocate("float32", [batch, 1, 1, classes]);
    this.targetValues = new Float32Array(batch * classes);
    this.losses = backend.allocate("float32", [batch]);
    this.gradient = backend.allocate("float32", [batch, 1, 1, classes]);
  }

  /** Adds the batch's gradients to those of the parameters. The batch must be full. */
  async run(batch: Batch): Promise<StepResult> {
    const { backend, network, options } = this;
    this.fillTargets(batch);
    backend.write(this.images, batch.images);
    backend.write(this.targets, this.targetValues);
    const logits = network.forward(this.images);
    backend.softmaxCrossEntropy(logits, this.targets, 1 / (options.batch * options.accumulate), this.losses, this.gradient);
    network.backward(this.gradient);
    const [losses, scores] = await Promise.all([backend.read(this.losses), backend.read(logits)]);
    let loss = 0;
    for (const value of losses) loss += value;
    return { loss: loss / options.batch, correct: this.countCorrect(batch, scores as Float32Array) };
  }

  /** Smoothed and mixed one-hot rows. */
  private fillTargets({ labels, mixLabels, mixWeight, count }: Batch): void {
    const { targetValues, classes } = this;
    const { labelSmoothing } = this.options;
    targetValues.fill(labelSmoothing / classes);
    for (let i = 0; i < count; i++) {
      const weight = mixWeight[i] as number;
      const own = i * classes + (labels[i] as number);
      const other = i * classes + (mixLabels[i] as number);
      targetValues[own] = (targetValues[own] as number) + (1 - labelSmoothing) * weight;
      targetValues[other] = (targetValues[other] as number) + (1 - labelSmoothing) * (1 - weight);
    }
  }

  private countCorrect({ labels, mixLabels, mixWeight, count }: Batch, scores: Float32Array): number {
    let correct = 0;
    for (let i = 0; i < count; i++) {
      const row = scores.subarray(i * this.classes, (i + 1) * this.classes);
      const wanted = (mixWeight[i] as number) >= 0.5 ? labels[i] : mixLabels[i];
      if (row.indexOf(Math.max(...row)) === wanted) correct++;
    }
    return correct;
  }
}
