/** One batch: forward, loss, backward. Owns the step's input, targets and loss memory; what it saves lives in the layers. */
import type { Backend } from "../../backend/device.js";
import type { Batch } from "../../data/loading/batch-source.js";
import { UserError } from "../../errors.js";
import type { Network, Visit } from "../../networks/network.js";
import type { Tensor } from "../../tensor.js";
import type { TrainingOptions } from "../settings/options.js";
import type { Teacher } from "../teachers/teacher.js";

export interface StepResult {
  /**
   * Mean of the batch: cross-entropy, and for a teacher's part the divergence from its probabilities (Kullback-Leibler) and from what its
   * stages attend to.
   */
  readonly loss: number;
  /** Images whose highest score is their own class; with mixup, the class of larger weight. */
  readonly correct: number;
}

export class TrainingStep {
  private readonly images: Tensor;
  private readonly targets: Tensor;
  private readonly softTargets: Tensor;
  private readonly targetValues: Float32Array;
  private readonly losses: Tensor;
  private readonly gradient: Tensor;
  private readonly classes: number;
  private readonly pull: Visit | undefined;

  /** @throws UserError where the teacher's attention is asked for, and its stages are others than the network's */
  constructor(
    private readonly backend: Backend,
    private readonly network: Network,
    private readonly options: TrainingOptions,
    private readonly teacher?: Teacher,
  ) {
    const { input, classes } = network.description;
    const { batch } = options;
    this.classes = classes;
    this.images = backend.allocate("float32", [batch, input.height, input.width, input.channels]);
    this.targets = backend.allocate("float32", [batch, 1, 1, classes]);
    this.softTargets = teacher === undefined ? this.targets : backend.allocate("float32", [batch, 1, 1, classes]);
    this.targetValues = new Float32Array(batch * classes);
    this.losses = backend.allocate("float32", [batch]);
    this.gradient = backend.allocate("float32", [batch, 1, 1, classes]);
    this.pull = this.attentionPull();
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
        `the teacher's stages end on maps of ${pixels(wanted)} pixels, those of ${network.description.name} of ${pixels(own)}; take a teacher with the same stages, or leave its attention out`,
      );
    const term = { weight, scale: 1 / (options.batch * options.accumulate) };
    return (layer, map, gradient) => {
      const wantedHere = attention[network.stageEnds.indexOf(layer)];
      if (wantedHere !== undefined) backend.attentionMatch(map, wantedHere, term, losses, gradient);
    };
  }

  /** Adds the batch's gradients to those of the parameters. The batch must be full. */
  async run(batch: Batch): Promise<StepResult> {
    const { backend, network, options } = this;
    const soft = await this.teacher?.probabilities(batch.images, batch.count, options.distill?.temperature ?? 1);
    backend.write(this.images, batch.images);
    const logits = network.forward(this.images);
    const entropy = this.enqueueLoss(logits, batch, soft);
    network.backward(this.gradient, this.pull);
    const [losses, scores] = await backend.readAll([this.losses, logits]);
    let loss = 0;
    for (const value of losses) loss += value;
    return { loss: (loss - entropy) / options.batch, correct: this.countCorrect(batch, scores) };
  }

  /**
   * Cross-entropy to the labels, to the teacher's probabilities, or to both. Returns the least that the losses can sum to, which is the
   * teacher's doubt.
   */
  private enqueueLoss(logits: Tensor, batch: Batch, soft: Float32Array | undefined): number {
    const { backend, targets, losses, gradient, options } = this;
    const { weight, temperature } = options.distill ?? { weight: 0, temperature: 1 };
    const scale = 1 / (options.batch * options.accumulate);
    if (weight < 1) {
      this.fillTargets(batch);
      backend.write(targets, this.targetValues);
      backend.softmaxCrossEntropy(
        logits,
        targets,
        { weight: 1 - weight, temperature: 1, scale, accumulate: false },
        losses,
        gradient,
      );
    }
    if (soft === undefined) return 0;
    backend.write(this.softTargets, soft);
    backend.softmaxCrossEntropy(
      logits,
      this.softTargets,
      { weight, temperature, scale, accumulate: weight < 1 },
      losses,
      gradient,
    );
    return weight * temperature ** 2 * entropySum(soft);
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

/** Sum over images of -sum over classes of p * log p. */
function entropySum(probabilities: Float32Array): number {
  let sum = 0;
  for (const p of probabilities) if (p > 0) sum -= p * Math.log(p);
  return sum;
}
