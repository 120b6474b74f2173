/**
 * The networks that a run has made so far and goes on from: the best, which ships; and where the second of two stages learns from the
 * first, the one that the first has ended with.
 */
import { MemoryScope } from "../backend/scope.js";
import { UserError } from "../errors.js";
import { decodeModel, encodeModel, type Model } from "../runtime/model.js";
import type { RunParts } from "./run-parts.js";
import type { Progress } from "./stage/progress.js";
import { isStart, stageAt } from "./stage/stages.js";
import { stageTeacher } from "./teachers/open-teacher.js";
import type { Teacher } from "./teachers/teacher.js";

export class RunModels {
  private best: Model | undefined;
  private firstStage: Model | undefined;

  constructor(private readonly parts: RunParts) {}

  /** @throws UserError where no epoch that counts is finished */
  get shipped(): Model {
    if (this.best === undefined) {
      const epoch = this.parts.options.stages === 2 ? "epoch of the second stage" : "epoch";
      throw new UserError(
        `no ${epoch} is finished yet, so there is no network to evaluate or export; let the training run for at least one ${epoch}`,
      );
    }
    return this.best;
  }

  /** Of the stage that is about to begin, in its memory where it is a network of ours. */
  get teacher(): Teacher | undefined {
    const { backend, data, options, teacher } = this.parts;
    return this.firstStage === undefined ? teacher : stageTeacher(backend, this.firstStage, data, options);
  }

  async keepBest(model: Model): Promise<void> {
    this.best = model;
    await this.parts.store.write("model", () => encodeModel(model));
  }

  /** Of an epoch that has ended, where what follows learns from it. */
  async keepTeacher(model: Model, progress: Progress): Promise<void> {
    const { parts } = this;
    const { epoch, step } = progress;
    const stage = stageAt(parts.options, epoch);
    if (!parts.isChained || stage.number === 1 || !isStart(stage, epoch, step)) return;
    this.firstStage = model;
    await parts.save("firstStage", progress);
  }

  /** What a run had that is resumed where `progress` says. */
  async recall({ bestEpoch, epoch }: Progress): Promise<void> {
    const { store, options, isChained } = this.parts;
    if (bestEpoch > 0) this.best = decodeModel(await store.read("model"), store.placeOf("model"));
    if (!isChained || stageAt(options, epoch).number === 1) return;
    this.firstStage = await this.recallFirstStage();
    await this.parts.load("checkpoint");
  }

  /** All parameters are then those of that moment. */
  private async recallFirstStage(): Promise<Model> {
    const { parts } = this;
    const { backend, network, store, options } = parts;
    const { epoch } = await parts.load("firstStage");
    const { firstEpoch } = stageAt(options, epoch);
    if (epoch === 0 || epoch !== firstEpoch)
      throw new UserError(
        `${store.placeOf("firstStage")} should hold the end of the first stage, but is a checkpoint of epoch ${epoch}; ` +
          "restore the file that the run wrote, or start the run again",
      );
    using _binding = new MemoryScope(backend);
    network.bind(1, { weights: "real" });
    return parts.modelOf(await network.fold(parts.optimizer.shipped));
  }
}
