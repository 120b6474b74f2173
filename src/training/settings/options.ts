/** The settings of a training run: one schema for the API, the command line and the checkpoint that records them. */
import { z } from "zod";
import { SUM_PRECISIONS } from "../../cluster/ordered-sum.js";
import { augmentationSchema } from "../../data/augmentation/augmentation.js";
import { UserError } from "../../errors.js";
import { firstProblem } from "../../problems.js";
import { stageProblem } from "../stage/stages.js";

const settingsSchema = z.strictObject({
  /** Of all stages. */
  epochs: z.int().min(1).default(30),
  /** 2: first with real weights in the binary convolutions, then with binary ones; default 1. */
  stages: z.int().min(1).max(2).optional(),
  /** Of two stages; default half of the epochs. */
  firstStageEpochs: z.int().min(1).optional(),
  batch: z.int().min(1).default(64),
  /**
   * Parts of a batch with statistics of their own, whose gradients are summed in their order; default 1. What is learned depends on it, and
   * not on how many processes have the parts between them.
   */
  replicas: z.int().min(1).max(4096).optional(),
  /** What gradients of parts travel and are summed as; default float32. */
  sumPrecision: z.enum(SUM_PRECISIONS).optional(),
  optimizer: z.enum(["adam", "sgd"]).default("adam"),
  /** At the peak of the schedule. */
  learningRate: z.number().gt(0).default(1e-2),
  schedule: z.enum(["cosine", "linear", "step", "constant"]).default("cosine"),
  /** Epochs, may be a fraction, of linear growth from 0. */
  warmup: z.number().min(0).default(1),
  /** Of real weights only: decoupled for Adam, L2 for SGD. */
  weightDecay: z.number().min(0).default(1e-4),
  /** SGD's. */
  momentum: z.number().min(0).lt(1).default(0.9),
  labelSmoothing: z.number().min(0).lt(1).default(0),
  /** Images count in the loss by the inverse of how many their class has, 1 in the mean over all training images. */
  classWeights: z.enum(["balanced"]).optional(),
  /** How images of an epoch are drawn: all classes equally often. Without it each image is drawn once. */
  sampler: z.enum(["balanced"]).optional(),
  /** Decay of the moving average of weights per step, 0 for none: evaluated and shipped instead of the last weights. */
  average: z.number().min(0).lt(1).default(0),
  /** Batches whose gradients are summed before an update. */
  accumulate: z.int().min(1).default(1),
  /** Stop after this many epochs without a better validation top-1; 0 for never. */
  patience: z.int().min(0).default(0),
  /** Learn from a teacher's probabilities of each image, and not (only) from its label. */
  distill: z
    .strictObject({
      /** A model file of ours, the folder of a run, or an ONNX classifier (.onnx). */
      teacher: z.string().min(1).exactOptional(),
      /** In place of a teacher, the folder of what one has said of views of the training images: see `makeViews`. */
      views: z.string().min(1).exactOptional(),
      /** Of the teacher's part in the loss; the rest is the label's. */
      weight: z.number().gt(0).max(1).default(1),
      /** The weight of the last epoch, to which it goes from that of the first in equal steps; default the same. */
      endWeight: z.number().min(0).max(1).exactOptional(),
      /**
       * Of both networks' probabilities in the teacher's part; above 1 the classes that the teacher thinks second and third count for more.
       */
      temperature: z.number().gt(0).max(100).default(1),
      /** Weight of each stage's attention matching; 0 for none. Only of a teacher of ours with as many stages on maps as large. */
      attention: z.number().min(0).default(0),
      /** In the second of two stages, learn from the network that the first has made, in the teacher's place. */
      chain: z.boolean().exactOptional(),
      /**
       * What an ONNX teacher takes: pixels less the data's mean by their deviation (the default), from 0 to 1, or normalized as for
       * ImageNet.
       */
      pixels: z.enum(["data", "unit", "imagenet"]).optional(),
    })
    .optional(),
  /** Start from a trained network: the folder of a run, a checkpoint or model file, or the name of a model that comes with rbnet. */
  from: z.string().min(1).optional(),
  /**
   * What of the start stays: all but the classifier (`body`), the network up to the end of a stage (`stage1`, `stage2`, ...), or the binary
   * weights, while all real parameters learn (`binary`).
   */
  freeze: z
    .string()
    .regex(/^(body|binary|stage[1-9]\d*)$/, "expected body, binary, or the name of a stage such as stage2")
    .optional(),
  augmentation: augmentationSchema.default({}),
  seed: z.int().min(0).max(0xffffffff).default(1),
});

export const trainingSchema = settingsSchema.superRefine((settings, context) => {
  const problem = stageProblem(settings);
  if (problem !== undefined) context.addIssue({ code: "custom", path: [problem.setting], message: problem.message });
  const balance = balanceProblem(settings);
  if (balance !== undefined) context.addIssue({ code: "custom", ...balance });
  const { batch, replicas = 1 } = settings;
  if (batch % replicas > 0)
    context.addIssue({
      code: "custom",
      path: ["replicas"],
      message: `a batch of ${batch} cannot be divided into ${replicas} equal parts; take a batch that is a multiple of ${replicas}`,
    });
  const frozen = freezeProblem(settings);
  if (frozen !== undefined) context.addIssue({ code: "custom", path: ["freeze"], message: frozen });
  for (const problem of teacherProblems(settings)) context.addIssue({ code: "custom", ...problem });
  if (settings.distill?.chain === true && settings.stages !== 2)
    context.addIssue({
      code: "custom",
      path: ["distill", "chain"],
      message: "it leads from the first of two stages to the second, and there is one only",
    });
});

/** What is wrong with the settings for lopsided classes, and in which; undefined where nothing is. */
function balanceProblem({ classWeights, sampler, distill }: TrainingOptions) {
  if (classWeights === undefined) return undefined;
  if (sampler !== undefined)
    return { path: ["sampler"], message: "class weights balance the classes already; choose one of the two" };
  if (distill?.weight !== 1 || (distill.endWeight ?? 1) < 1) return undefined;
  const message =
    "it weighs the labels' part of the loss, and all of the loss is the teacher's; give the teacher a weight below 1";
  return { path: ["classWeights"], message };
}

/** What is wrong with what is learned from, and in which setting. */
function teacherProblems({ distill, augmentation }: TrainingOptions): readonly { path: string[]; message: string }[] {
  if (distill === undefined) return [];
  const { teacher, views, attention, pixels } = distill;
  if ((teacher === undefined) === (views === undefined))
    return [{ path: ["distill", "teacher"], message: "expected a teacher or views, one of the two" }];
  if (views === undefined) return [];
  const message = "views hold what a teacher has said of images that were cut and mirrored, and nothing else; leave it out";
  const { colorJitter, lighting = 0, cutout = 0, mixup = 0 } = augmentation;
  const unseen = Object.entries({ colorJitter: colorJitter === undefined ? 0 : 1, lighting, cutout, mixup });
  return [
    ...(attention > 0 ? [{ path: ["distill", "attention"], message }] : []),
    ...(pixels === undefined ? [] : [{ path: ["distill", "pixels"], message }]),
    ...unseen.filter(([, value]) => value > 0).map(([name]) => ({ path: ["augmentation", name], message })),
  ];
}

/** What is wrong with the setting; undefined where nothing is. */
function freezeProblem({ freeze, from, stages }: TrainingOptions): string | undefined {
  if (freeze === undefined) return undefined;
  if (from === undefined) return "it says what stays of a start, and there is none; name one by `from`";
  return stages === 2 ? "a first stage trains real weights in the place of those that would stay; train in one stage" : undefined;
}

/** All settings, as a run records them. */
export type TrainingOptions = z.output<typeof settingsSchema>;
/** What a caller may give; the rest takes its default. */
export type TrainingSettings = z.input<typeof settingsSchema>;
export type DistillOptions = NonNullable<TrainingOptions["distill"]>;

/**
 * Checks settings and fills in the defaults.
 *
 * @throws UserError where one is unknown or out of its range
 */
export function parseTrainingSettings(settings: TrainingSettings): TrainingOptions {
  const parsed = trainingSchema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const { place, found, message } = firstProblem(settings, parsed.error);
  const subject = place === "" ? "the training settings are" : `the training setting ${place} is`;
  throw new UserError(`${subject} ${JSON.stringify(found)}, which cannot be used (${message}); change it`);
}

/** Of the teacher's part in the loss of an epoch, from 0; it depends on the epoch alone, so that a run can be resumed anywhere. */
export function teacherWeight({ distill, epochs }: Pick<TrainingOptions, "distill" | "epochs">, epoch: number): number {
  const { weight = 0, endWeight = weight } = distill ?? {};
  return weight + (endWeight - weight) * (epochs === 1 ? 0 : epoch / (epochs - 1));
}

/** Images in each of the parts of a batch. */
export function partImages({ batch, replicas = 1 }: Pick<TrainingOptions, "batch" | "replicas">): number {
  return batch / replicas;
}

/** `own` in place of the same ones of `shared`; settings with parts, such as augmentation, are put together by part. */
export function mergedSettings(shared: Settings, own: Settings): Settings {
  const parts = Object.entries(own).map(([name, value]) => {
    const before = shared[name];
    return [name, isObject(before) && isObject(value) ? { ...before, ...value } : value];
  });
  return { ...shared, ...Object.fromEntries(parts) };
}

/** Not checked yet, by name. */
type Settings = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
