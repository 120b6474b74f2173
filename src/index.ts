/**
 * What users import to open data, build a network, train it, evaluate it, ship it and use it.
 *
 * @module API
 */
export type { Backend, GradientPrecision } from "./backend/device.js";
export type { BackendName, MachineSetup } from "./backend/machine.js";
export { openBackend } from "./backend/open.js";
export { createWasmBackend, type WasmOptions } from "./backend/wasm/backend.js";
export type { Communicator, Member } from "./cluster/communicator.js";
export { type Job, joinJob } from "./cluster/job.js";
export type { OrderedSum, PartShare } from "./cluster/ordered-sum.js";
export type { Augmentation } from "./data/augmentation/augmentation.js";
export type { RawForm, RawImages } from "./data/augmentation/raw-images.js";
export type { Dataset, DatasetOptions, ImageSet, SkippedImage } from "./data/dataset.js";
export { decodeImage } from "./data/decoding/image-file.js";
export { cifarBinary } from "./data/formats/cifar-binary.js";
export { idxFolder } from "./data/formats/idx-folder.js";
export { imageFolder } from "./data/formats/image-folder.js";
export type { Batch, BatchImages, BatchOptions, BatchShare, BatchSource } from "./data/loading/batch-source.js";
export { Loader, type LoaderOptions } from "./data/loading/loader.js";
export { openDataset } from "./data/open-dataset.js";
export { foldsOf } from "./data/sets/folds.js";
export { shapes } from "./data/shapes/shapes.js";
export { shardFolder } from "./data/shards/shard-folder.js";
export { type LoadOptions, loadModel, type ModelSource, type NodeImage } from "./deploy/load-model.js";
export { readModelFile, writeModelFile } from "./deploy/model-file.js";
export { UserError } from "./errors.js";
export { birealnet18, birealnet20, birealnet34, reactnet18, reactnet20 } from "./networks/birealnet.js";
export type { NetworkDescription } from "./networks/description.js";
export { rbnetL, rbnetM, rbnetS } from "./networks/family.js";
export type { NetworkOptions } from "./networks/form.js";
export { quicknet, quicknetL, quicknetS } from "./networks/quicknet.js";
export { rbnet8, rbnet18, rbnet20, rbnet34 } from "./networks/rbnet.js";
export { reactnetA } from "./networks/reactnet-a.js";
export { real2binary18, real2binary20 } from "./networks/real2binary.js";
export { resnet18, resnet20, resnet34 } from "./networks/resnet.js";
export { xnornet18, xnornet20 } from "./networks/xnornet.js";
export type { PixelImage } from "./pixels/square.js";
export type { Classify, ClassifyOptions, ModelFacts, Prediction } from "./runtime/classifier.js";
export { decodeModel, encodeModel, type Model } from "./runtime/model.js";
export type { StoredPrecision } from "./runtime/stored-operations.js";
export { openStudyData } from "./study/plan.js";
export type { RowResults, StudyResults } from "./study/results.js";
export type { RunResult } from "./study/run-file.js";
export type { Spread } from "./study/spread.js";
export { runStudy, type StudyEvent, type StudySetup } from "./study/study.js";
export { parseStudy, readStudy, type Study, type StudyInput, type StudyRow } from "./study/study-file.js";
export { evaluateModel } from "./training/evaluate.js";
export type { DetailedEvaluation, EpochRecord, Evaluation, Mistake, StepProgress } from "./training/records/run-records.js";
export type { TrainingOptions, TrainingSettings } from "./training/settings/options.js";
export { type Recipe, recipeByName, recipeNames, recipeSettings } from "./training/settings/recipes.js";
export { readStart, type Start } from "./training/start/start.js";
export { type MadeViews, makeViews, type ViewsSettings } from "./training/teachers/make-views.js";
export { Trainer } from "./training/trainer.js";
export type { TrainerSetup } from "./training/trainer-setup.js";
