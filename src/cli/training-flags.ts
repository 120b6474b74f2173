/** The flags of `train` as settings of a run: defaults by the data, and every wrong value said in the flag's own name. */
import { type Command, Option } from "commander";
import { SUM_PRECISIONS } from "../cluster/ordered-sum.js";
import type { Augmentation } from "../data/augmentation/augmentation.js";
import type { Dataset } from "../data/dataset.js";
import { viewedAugmentation } from "../data/views/views-file.js";
import { UserError } from "../errors.js";
import type { NetworkDescription } from "../networks/description.js";
import { firstProblem, requirement } from "../problems.js";
import {
  type DistillOptions,
  mergedSettings,
  parseTrainingSettings,
  type TrainingOptions,
  type TrainingSettings,
  trainingSchema,
} from "../training/settings/options.js";
import { recipeByName, recipeNames, recipeSettings } from "../training/settings/recipes.js";
import { resizedCrop, SMALLEST_CROP, standardSettings } from "../training/settings/standard-settings.js";
import { flagName, forbidFlags, readNumber } from "./flags.js";

/** As commander hands them over; undefined where a flag was not given. */
export interface TrainingFlags {
  readonly recipe?: string;
  readonly epochs?: number;
  readonly stages?: number;
  readonly firstStageEpochs?: number;
  readonly batch?: number;
  readonly replicas?: number;
  readonly sumPrecision?: TrainingOptions["sumPrecision"];
  readonly learningRate?: number;
  readonly optimizer?: TrainingOptions["optimizer"];
  readonly schedule?: TrainingOptions["schedule"];
  readonly warmup?: number;
  readonly weightDecay?: number;
  readonly momentum?: number;
  readonly labelSmoothing?: number;
  readonly classWeights?: TrainingOptions["classWeights"];
  readonly sampler?: TrainingOptions["sampler"];
  readonly average?: number;
  readonly accumulate?: number;
  readonly patience?: number;
  readonly seed?: number;
  readonly from?: string;
  readonly freeze?: string;
  readonly cropPadding?: number;
  readonly randomResizedCrop?: number | true;
  readonly flip?: boolean;
  readonly colorJitter?: number;
  readonly lighting?: number;
  readonly cutout?: number;
  readonly mixup?: number;
  readonly teacher?: string;
  readonly views?: string;
  readonly teacherWeight?: number;
  readonly teacherEndWeight?: number;
  readonly teacherTemperature?: number;
  readonly teacherAttention?: number;
  readonly teacherChain?: boolean;
  readonly teacherPixels?: DistillOptions["pixels"];
}

const STANDARD = trainingSchema.parse({});

export function addTrainingFlags(command: Command): Command {
  const option = (flags: string, text: string, standard: number | string): Option =>
    new Option(flags, `${text} (default: ${standard})`).argParser(readNumber);
  return command
    .option("--recipe <name>", "settings to start from, listed below; flags win over them")
    .option(
      "--from <model>",
      "start from a trained network: the folder of a run, a model file, or the name of a model of rbnet's",
    )
    .option(
      "--freeze <what>",
      "what stays of it: body (all but the classifier), binary (the binary weights), stage1, stage2, ...",
    )
    .addOption(option("--epochs <n>", "passes over the training images", `${STANDARD.epochs}, up to 120 where they are few`))
    .addOption(option("--stages <n>", "2: first with real weights in the binary layers, then with binary ones", 1))
    .addOption(option("--first-stage-epochs <n>", "of two stages, how many of the epochs belong to the first", "half"))
    .addOption(option("--batch <n>", "images a step", `${STANDARD.batch}, fewer where the data are few`))
    .addOption(
      option(
        "--replicas <n>",
        "parts of a batch with statistics of their own, in one process or many",
        "1, with mpirun one a process",
      ),
    )
    .addOption(
      new Option(
        "--sum-precision <name>",
        "what gradients of parts travel and are summed as; bfloat16 halves the bytes (default: float32)",
      ).choices(SUM_PRECISIONS),
    )
    .addOption(
      option(
        "--learning-rate <rate>",
        "at the peak of the schedule",
        `${STANDARD.learningRate}, with Adam less where a network is wide; 0.003 with --from`,
      ),
    )
    .addOption(
      new Option("--optimizer <name>", `(default: ${STANDARD.optimizer})`).choices(
        trainingSchema.shape.optimizer.unwrap().options,
      ),
    )
    .addOption(
      new Option("--schedule <name>", `of the learning rate (default: ${STANDARD.schedule})`).choices(
        trainingSchema.shape.schedule.unwrap().options,
      ),
    )
    .addOption(option("--warmup <epochs>", "epochs of growing learning rate", STANDARD.warmup))
    .addOption(option("--weight-decay <rate>", "of real weights; binary ones have none", STANDARD.weightDecay))
    .addOption(option("--momentum <share>", "of SGD", STANDARD.momentum))
    .addOption(option("--label-smoothing <share>", "spread over all classes", STANDARD.labelSmoothing))
    .addOption(
      new Option("--class-weights <how>", "of lopsided classes: images of small ones weigh more in the loss").choices([
        "balanced",
      ]),
    )
    .addOption(
      new Option("--sampler <how>", "of lopsided classes: images of small ones are drawn more often").choices(["balanced"]),
    )
    .addOption(option("--average <decay>", "ship a moving average of the weights, such as 0.999", "off"))
    .addOption(option("--accumulate <n>", "batches summed before an update", STANDARD.accumulate))
    .addOption(option("--patience <epochs>", "stop after so many epochs without a better validation", "never"))
    .addOption(option("--crop-padding <pixels>", "move images by up to so many pixels", "an eighth of small images"))
    .addOption(
      new Option(
        "--random-resized-crop [smallest]",
        `crop at least this share of the area, and scale (default: ${SMALLEST_CROP} for large images)`,
      ).argParser(readNumber),
    )
    .option("--flip", "mirror every other image (default: yes, except for IDX data)")
    .option("--no-flip", "never mirror images")
    .addOption(option("--color-jitter <amount>", "vary brightness, contrast and saturation, 0 to 1", "off"))
    .addOption(option("--lighting <deviation>", "colour noise, such as 0.1", "off"))
    .addOption(option("--cutout <pixels>", "side of a square that is blanked", "off"))
    .addOption(option("--mixup <alpha>", "mix images of a batch, such as 0.2", "off"))
    .option("--teacher <file>", "learn from a teacher: a model file, the folder of a run, or an ONNX classifier")
    .option("--views <folder>", "learn from what a teacher has said before of views of these images (rbnet views)")
    .addOption(option("--teacher-weight <share>", "of the teacher's part in the loss; the rest is the label's", 1))
    .addOption(option("--teacher-end-weight <share>", "that of the last epoch, reached in equal steps", "the same"))
    .addOption(option("--teacher-temperature <t>", "brings the teacher's likelier classes closer together", 1))
    .addOption(option("--teacher-attention <weight>", "of looking where a teacher of ours looks, stage by stage", 0))
    .option(
      "--teacher-chain",
      "the second of two stages learns from the network of the first (default: only in the recipe progressive)",
    )
    .option("--no-teacher-chain", "the second stage learns from the teacher, too")
    .addOption(
      new Option(
        "--teacher-pixels <form>",
        "what an ONNX teacher takes: normalized as the data, 0 to 1, or as for ImageNet (default: data)",
      ).choices(["data", "unit", "imagenet"]),
    );
}

/** The recipes by name, as help lists them. */
export function recipesText(): string {
  const longest = Math.max(...recipeNames.map((name) => name.length));
  return ["Recipes:", ...recipeNames.map((name) => `  ${name.padEnd(longest)}  ${recipeByName(name).summary}`)].join("\n");
}

/**
 * What flags and recipe say.
 *
 * @throws UserError that names the first flag with a wrong value
 */
export function readSettings(flags: TrainingFlags): TrainingSettings {
  const chosen = chosenSettings(flags);
  const { batch, replicas } = chosen;
  // A batch that nobody has chosen is made a multiple of its parts.
  check(batch === undefined && replicas !== undefined ? { ...chosen, batch: replicas } : chosen);
  return chosen;
}

/**
 * All settings: those chosen, and what data and network decide where nobody else does: augmentation, a batch that is not larger than the
 * data, epochs, and the rate.
 */
export function settingsFor(chosen: TrainingSettings, data: Dataset, description: NetworkDescription): TrainingOptions {
  const standard = { ...standardSettings(data, description, chosen), ...viewedAugmentation(chosen.distill?.views) };
  const { replicas = 1 } = chosen;
  const batch = standard.batch === undefined ? {} : { batch: replicas * Math.max(1, Math.floor(standard.batch / replicas)) };
  return parseTrainingSettings(mergedSettings({ ...standard, ...batch }, chosen));
}

function chosenSettings(flags: TrainingFlags): TrainingSettings {
  const names = [
    "epochs",
    "stages",
    "firstStageEpochs",
    "batch",
    "replicas",
    "sumPrecision",
    "learningRate",
    "optimizer",
    "schedule",
    "warmup",
    "weightDecay",
    "momentum",
    "labelSmoothing",
    "classWeights",
    "sampler",
    "average",
    "accumulate",
    "patience",
    "seed",
    "from",
    "freeze",
  ] as const;
  if (flags.from === undefined) forbidFlags({ ...flags }, ["freeze"], "it says what stays of a start; name one by --from");
  const given = names.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]]);
  const settings = {
    ...Object.fromEntries(given),
    ...chosenTeacher(flags),
    augmentation: chosenAugmentation(flags),
  };
  return flags.recipe === undefined ? settings : recipeSettings(flags.recipe, settings);
}

function chosenTeacher(flags: TrainingFlags): { distill?: unknown } {
  const {
    teacher,
    views,
    teacherWeight: weight,
    teacherEndWeight: endWeight,
    teacherTemperature: temperature,
    teacherAttention: attention,
    teacherChain: chain,
    teacherPixels: pixels,
  } = flags;
  if (teacher === undefined && views === undefined) {
    forbidFlags(
      { ...flags },
      ["teacherWeight", "teacherEndWeight", "teacherTemperature", "teacherAttention", "teacherChain", "teacherPixels"],
      "there is no teacher; name one by --teacher",
    );
    return {};
  }
  if (teacher !== undefined && views !== undefined)
    throw new UserError("--teacher and --views exclude each other; give one of them");
  const given = Object.entries({ teacher, views, weight, endWeight, temperature, attention, chain, pixels }).filter(
    ([, value]) => value !== undefined,
  );
  return { distill: Object.fromEntries(given) };
}

/** What flags say of it, and nothing else. */
export function chosenAugmentation(flags: TrainingFlags): Augmentation {
  const { cropPadding, randomResizedCrop, flip, colorJitter: jitter, lighting, cutout, mixup } = flags;
  if (cropPadding !== undefined && randomResizedCrop !== undefined)
    throw new UserError("--crop-padding and --random-resized-crop exclude each other; give one of them");
  const colorJitter = jitter === undefined ? undefined : { brightness: jitter, contrast: jitter, saturation: jitter };
  const chosen = cleaned({ flip, colorJitter, lighting, cutout, mixup });
  if (cropPadding !== undefined) return { ...chosen, crop: { kind: "pad", padding: cropPadding } };
  if (randomResizedCrop !== undefined)
    return { ...chosen, crop: resizedCrop(randomResizedCrop === true ? SMALLEST_CROP : randomResizedCrop) };
  return chosen;
}

/** Without the entries that are undefined. */
function cleaned(values: { [Key in keyof Augmentation]: Augmentation[Key] | undefined }): Augmentation {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function check(settings: TrainingSettings): void {
  const { error } = trainingSchema.safeParse(settings);
  if (error === undefined) return;
  const { path, found, message } = firstProblem(settings, error);
  const value = typeof found === "object" ? "" : ` ${found}`;
  throw new UserError(`${flagOf(path.map(String))} cannot be${value}: ${requirement(message)}`);
}

function flagOf(path: readonly string[]): string {
  const [name = "", part, detail] = path;
  if (name === "distill") return part === "teacher" || part === "views" ? `--${part}` : flagName(`teacher-${part ?? ""}`);
  if (name !== "augmentation") return flagName(name);
  if (part !== "crop") return flagName(part ?? name);
  return detail === "padding" ? "--crop-padding" : "--random-resized-crop";
}
