/** Opens the teacher that a run names, whatever its file is: a network of ours or an ONNX classifier. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { Backend } from "../../backend/device.js";
import type { Dataset } from "../../data/dataset.js";
import type { OpenedViews } from "../../data/views/open-views.js";
import { codeOf, UserError } from "../../errors.js";
import { decodeModel, type Model } from "../../runtime/model.js";
import { runFile } from "../../stores/run-folder.js";
import { type DistillOptions, partImages, type TrainingOptions } from "../settings/options.js";
import { digestOf } from "./external-data.js";
import { ModelTeacher } from "./model-teacher.js";
import { OnnxTeacher } from "./onnx-teacher.js";
import { renormalizer } from "./renormalizer.js";
import type { Teacher, TeacherSetup } from "./teacher.js";
import { ViewsTeacher } from "./views-teacher.js";

/** A teacher, and what makes a resumed run certain that it is the same one. */
export interface OpenedTeacher {
  readonly teacher: Teacher;
  /** SHA-256 of its file, and of those beside it that hold its weights. */
  readonly digest: string;
}

/** Statistics that most networks trained on ImageNet were given. */
const IMAGENET = { mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225] } as const;
const UNIT = { mean: [0, 0, 0], standardDeviation: [1, 1, 1] } as const;

/** What the settings of a run name: a teacher, views of its images that one has answered, or nothing. */
export async function openNamed(
  distill: DistillOptions | undefined,
  views: OpenedViews | undefined,
  data: Dataset,
  setup: TeacherSetup,
): Promise<OpenedTeacher | undefined> {
  if (views !== undefined) return { teacher: new ViewsTeacher(setup.backend), digest: views.digest };
  if (distill?.teacher === undefined) return undefined;
  const { teacher, pixels, attention } = distill;
  return openTeacher({ teacher, attention, ...(pixels === undefined ? {} : { pixels }) }, data, setup);
}

/**
 * Opens a model file of ours, the folder of a run that wrote one, or an ONNX classifier.
 *
 * @throws UserError where the file is none of these, or has other classes or another input size than the data
 */
export async function openTeacher(
  {
    teacher: path,
    pixels,
    attention,
  }: Partial<DistillOptions> & Pick<DistillOptions, "attention"> & { readonly teacher: string },
  data: Dataset,
  { backend, batch, threads }: TeacherSetup,
): Promise<OpenedTeacher> {
  const file = await fileOf(path);
  const bytes = await readTeacher(file);
  if (file.endsWith(".onnx")) {
    if (attention > 0)
      throw new UserError(
        `the teacher ${path} is an ONNX file, which does not show its stages, and its attention was asked for; take a ` +
          "network of ours, or leave attention out",
      );
    const statistics = { data, unit: UNIT, imagenet: IMAGENET }[pixels ?? "data"];
    const digest = await digestOf(file, bytes);
    const teacher = await OnnxTeacher.open(file, data, { backend, threads }, renormalizer(data, statistics));
    return { teacher, digest };
  }
  if (pixels !== undefined)
    throw new UserError(`the teacher ${path} says itself how it takes pixels, and ${pixels} was asked for; leave that out`);
  const model = decodeModel(bytes, file);
  return {
    teacher: new ModelTeacher(backend, model, path, data, { batch, attention: attention > 0 }, renormalizer(data, model)),
    digest: createHash("sha256").update(bytes).digest("hex"),
  };
}

/**
 * The network that a first stage has made as the teacher of the second: a chain of teachers, each closer to the network in the end
 * (Real-to-Binary, section 4.2). Allocates on `backend`, whose owner releases it.
 */
export function stageTeacher(backend: Backend, model: Model, data: Dataset, options: TrainingOptions): Teacher {
  const attention = (options.distill?.attention ?? 0) > 0;
  const batch = partImages(options);
  return new ModelTeacher(backend, model, "of the first stage", data, { batch, attention }, renormalizer(data, model));
}

async function fileOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true ? runFile(path, "model") : path;
}

async function readTeacher(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new UserError(
      `cannot read the teacher ${file} (${codeOf(error)}); give a model file, the folder of a run, or an ONNX classifier (.onnx)`,
      { cause: error },
    );
  }
}
