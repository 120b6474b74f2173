/**
 * Any image classifier in ONNX as a teacher, run by ONNX Runtime. That is an optional dependency: it takes some 100 MB and, unless told not
 * to, downloads more when it is installed.
 */
import type { Backend } from "../../backend/device.js";
import type { Dataset } from "../../data/dataset.js";
import { messageOf, UserError } from "../../errors.js";
import type { Tensor } from "../../tensor.js";
import type { Renormalizer } from "./renormalizer.js";
import { asScores } from "./scores.js";
import type { TaughtImages, Teacher, TeacherSetup } from "./teacher.js";

const PACKAGE = "onnxruntime-node";

/** The part of ONNX Runtime that is used here. */
interface Runtime {
  readonly InferenceSession: { create(path: string, options: Readonly<Record<string, unknown>>): Promise<Session> };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => RuntimeTensor;
}

interface RuntimeTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** A dimension is a number, or the name of one that is free. */
interface ValueFacts {
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly ValueFacts[];
  readonly outputMetadata: readonly ValueFacts[];
  run(feeds: Readonly<Record<string, RuntimeTensor>>): Promise<Readonly<Record<string, RuntimeTensor>>>;
  release(): Promise<void>;
}

export class OnnxTeacher implements Teacher {
  readonly readsPixels = true;
  private input = new Float32Array();
  private result = new Float32Array();

  private constructor(
    private readonly backend: Backend,
    private readonly runtime: Runtime,
    private readonly session: Session,
    private readonly name: string,
    private readonly data: Dataset,
    private readonly pixels: Renormalizer,
    /** Images a call, where the file fixes them. */
    private readonly part: number | undefined,
  ) {}

  /**
   * @param name path of the file: weights may lie in others beside it
   * @throws UserError where ONNX Runtime is not installed, or the file is no classifier of the data's classes and size
   */
  static async open(
    name: string,
    data: Dataset,
    { backend, threads }: Pick<TeacherSetup, "backend" | "threads">,
    pixels: Renormalizer,
  ): Promise<OnnxTeacher> {
    const runtime = await loadRuntime(name);
    const options = {
      executionProviders: ["cpu"],
      intraOpNumThreads: threads,
      // Threads that spin after their work would take the cores from the training step.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    };
    const session = await runtime.InferenceSession.create(name, options).catch((error: unknown) => {
      throw new UserError(
        `the teacher ${name} is no ONNX file that ONNX Runtime can run (${firstLine(error)}); export it again`,
        {
          cause: error,
        },
      );
    });
    try {
      const teacher = new OnnxTeacher(backend, runtime, session, name, data, pixels, fixedPart(session, name, data));
      // What a file says of its shapes may be nothing: the first images are a try.
      const count = teacher.part ?? 1;
      await teacher.scores(new Float32Array(count * data.size ** 2 * 3), count);
      return teacher;
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  async teach({ pixels, count }: TaughtImages, scores: Tensor): Promise<void> {
    if (pixels === undefined) throw new Error("a teacher in ONNX reads images on the host");
    this.backend.write(scores, await this.scores(pixels, count));
  }

  /** The result lasts until the next call. */
  private async scores(images: Float32Array, count: number): Promise<Float32Array> {
    const { data, session, runtime } = this;
    const classes = data.classes.length;
    const part = this.part ?? count;
    const plane = data.size ** 2;
    const perImage = plane * 3;
    if (this.input.length !== part * perImage) this.input = new Float32Array(part * perImage);
    if (this.result.length !== count * classes) this.result = new Float32Array(count * classes);
    for (let first = 0; first < count; first += part) {
      const used = Math.min(part, count - first);
      for (let image = 0; image < used; image++)
        this.layOut(images.subarray((first + image) * perImage), image * perImage, plane);
      const feeds = {
        [session.inputNames[0] ?? ""]: new runtime.Tensor("float32", this.input, [part, 3, data.size, data.size]),
      };
      const outputs = await session.run(feeds).catch((error: unknown) => {
        throw new UserError(
          `the teacher ${this.name} cannot take ${part} images of ${data.size} x ${data.size} (${firstLine(error)}); ` +
            `export one that takes (images, 3, ${data.size}, ${data.size})`,
          { cause: error },
        );
      });
      const scores = outputs[session.outputNames[0] ?? ""];
      if (!(scores?.data instanceof Float32Array) || scores.data.length !== part * classes)
        throw new UserError(
          `the teacher ${this.name} answers ${part} ${part === 1 ? "image" : "images"} with ${scores?.type ?? "nothing"} ` +
            `of shape ${scores?.dims.join(" x ") ?? "none"}, but the data have ${classes} classes; give a classifier of ` +
            "these classes that answers in float32",
        );
      this.result.set(scores.data.subarray(0, used * classes), first * classes);
    }
    return asScores(this.result, classes);
  }

  async close(): Promise<void> {
    await this.session.release();
  }

  /** An image of ours, channels last, to where ONNX Runtime reads it, channels first. */
  private layOut(image: Float32Array, to: number, plane: number): void {
    const { scale, shift } = this.pixels;
    for (let c = 0; c < 3; c++) {
      const [factor, offset] = [scale[c] as number, shift[c] as number];
      for (let i = 0; i < plane; i++) this.input[to + c * plane + i] = (image[3 * i + c] as number) * factor + offset;
    }
  }
}

async function loadRuntime(name: string): Promise<Runtime> {
  try {
    const loaded: { readonly default?: Runtime } & Runtime = await import(PACKAGE);
    return loaded.default ?? loaded;
  } catch (error) {
    throw new UserError(
      `the teacher ${name} needs ONNX Runtime, which cannot be loaded (${firstLine(error)}); install it beside rbnet ` +
        `with: ONNXRUNTIME_NODE_INSTALL=skip npm install ${PACKAGE}`,
      { cause: error },
    );
  }
}

/** Checks what the file says of its input, and returns its number of images where that is fixed. */
function fixedPart({ inputNames, inputMetadata }: Session, name: string, { size }: Dataset): number | undefined {
  if (inputNames.length !== 1)
    throw new UserError(`the teacher ${name} has ${inputNames.length} inputs; give a classifier with one, its images`);
  const [facts] = inputMetadata;
  const shape = facts?.shape;
  if (shape === undefined) return undefined;
  const fits = (found: number | string | undefined, wanted: number): boolean =>
    typeof found === "string" || found === wanted || found === -1;
  const [count, channels, height, width] = shape;
  if (facts?.type !== "float32" || shape.length !== 4 || !fits(channels, 3) || !fits(height, size) || !fits(width, size))
    throw new UserError(
      `the teacher ${name} takes ${facts?.type ?? "unknown values"} of shape ${shape.join(" x ")}, but the data are ` +
        `float32 images x 3 x ${size} x ${size}; export it for that`,
    );
  return typeof count === "number" && count > 0 ? count : undefined;
}

function firstLine(error: unknown): string {
  const text = messageOf(error);
  return (text.split("\n")[0] ?? "").trim();
}
