/** One teacher, or several whose probabilities are averaged: an ensemble knows more than each of it (Hinton et al. 2015, section 1). */
import type { Backend } from "../../backend/device.js";
import { MemoryScope } from "../../backend/scope.js";
import type { Dataset } from "../../data/dataset.js";
import { UserError } from "../../errors.js";
import type { Tensor } from "../../tensor.js";
import type { DistillOptions } from "../settings/options.js";
import { type OpenedTeacher, openTeacher } from "./open-teacher.js";
import type { TeacherSetup } from "./teacher.js";

/** Files of teachers, and how those in ONNX take pixels. */
export interface TeacherChoice extends Pick<DistillOptions, "pixels"> {
  readonly teachers: readonly string[];
}

export class AveragedTeachers implements AsyncDisposable {
  private readonly scope: MemoryScope;
  private readonly images: Tensor;
  private readonly scores: Tensor;

  private constructor(
    private readonly backend: Backend,
    private readonly names: readonly string[],
    private readonly opened: readonly OpenedTeacher[],
    private readonly data: Dataset,
    batch: number,
  ) {
    const { size, classes } = data;
    this.scope = new MemoryScope(backend);
    this.images = backend.allocate("float32", [batch, size, size, 3]);
    this.scores = backend.allocate("float32", [batch, classes.length]);
    this.scope.seal();
  }

  /** @throws UserError where there is none, or one does not fit the data */
  static async open({ teachers, pixels }: TeacherChoice, data: Dataset, setup: TeacherSetup): Promise<AveragedTeachers> {
    if (teachers.length === 0) throw new UserError("there is no teacher to ask; name one at least");
    const opened: OpenedTeacher[] = [];
    try {
      for (const teacher of teachers) {
        const form = pixels === undefined || !teacher.endsWith(".onnx") ? {} : { pixels };
        opened.push(await openTeacher({ teacher, attention: 0, ...form }, data, setup));
      }
      return new AveragedTeachers(setup.backend, teachers, opened, data, setup.batch);
    } catch (error) {
      for (const { teacher } of opened) await teacher.close();
      throw error;
    }
  }

  get digests(): readonly string[] {
    return this.opened.map(({ digest }) => digest);
  }

  /**
   * Scores [count, classes] of images [count, size, size, 3] as the loader normalizes them: those of a single teacher as they are, of
   * several the logarithms of their mean probabilities.
   *
   * @throws UserError where an answer is no number
   */
  async ask(
    pixels: Float32Array,
    count: number,
  ): Promise<ArrayLike<number> & { subarray(from: number, end: number): ArrayLike<number> }> {
    const { backend, data, opened, names } = this;
    const { size, classes } = data;
    const tensor = backend.view(this.images, [count, size, size, 3]);
    const scores = backend.view(this.scores, [count, classes.length]);
    backend.write(tensor, pixels);
    const sum = new Float64Array(count * classes.length);
    for (const [place, { teacher }] of opened.entries()) {
      await teacher.teach({ pixels, tensor, count }, scores);
      const said = await backend.read(scores);
      requireScores(said, classes.length, names[place]);
      if (opened.length === 1) return said;
      for (let from = 0; from < said.length; from += classes.length)
        addProbabilities(said.subarray(from, from + classes.length), sum, from);
    }
    return sum.map((total) => Math.log(total / opened.length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { teacher } of this.opened) await teacher.close();
    this.scope[Symbol.dispose]();
  }
}

/** @throws UserError unless every answer has a class that is not excluded, and nothing but numbers */
function requireScores(scores: Float32Array, classes: number, name: string): void {
  for (let from = 0; from < scores.length; from += classes) {
    const row = scores.subarray(from, from + classes);
    if (row.every((score) => score < Number.POSITIVE_INFINITY) && row.some((score) => score > Number.NEGATIVE_INFINITY)) continue;
    throw new UserError(`the teacher ${name} has answered with values that are no numbers; train it again`);
  }
}

function addProbabilities(scores: Float32Array, sum: Float64Array, from: number): void {
  const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const powers = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const total = powers.reduce((all, power) => all + power, 0);
  for (const [label, power] of powers.entries()) sum[from + label] += power / total;
}
