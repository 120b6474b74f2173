/**
 * Writes the folder of views. Answers come in parts of some thousands, each a file that is whole or not there, so that a making that was
 * cut goes on where it was; in the end they become one file, and views.json says what it is.
 */
import { createHash, type Hash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename } from "node:path";
import { explainWriteError, removeUnfinished, writeFileAtomic } from "../../atomic-file.js";
import { UserError } from "../../errors.js";
import { type AnswerForm, answerBytes, answerForm, correctAnswer, decodeAnswer } from "./answers.js";
import { answersPart, type ViewsFacts, type ViewsPlan, viewsFile } from "./views-file.js";

const ANSWERS_A_PART = 10_000;
/** Fewer images would not fill what teachers are asked about at once. */
const LEAST_IMAGES = 64;

/** Images `first` to `end` - 1. */
export interface ImageRange {
  readonly first: number;
  readonly end: number;
}

/** @throws UserError where a folder holds views that are finished, or something else */
export function requireNoViews(folder: string): void {
  const status = statSync(folder, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isDirectory())
    throw new UserError(`cannot write views to ${folder}: there is a file in its place; choose another path`);
  const names = readdirSync(folder).filter((name) => !name.startsWith("."));
  if (names.includes(basename(viewsFile(folder, "views"))))
    throw new UserError(`${folder} holds views already, and they are finished; choose another folder for new ones`);
  if (names.length > 0 && !names.includes(basename(viewsFile(folder, "plan"))))
    throw new UserError(`cannot write views to ${folder}: it holds something else (${names[0]}); choose a new folder`);
}

/**
 * Makes the folder where there is none.
 *
 * @throws UserError where it cannot be made, is finished, or holds something else
 */
export async function prepareViewsFolder(folder: string): Promise<void> {
  requireNoViews(folder);
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw explainWriteError(error, folder);
  }
  await removeUnfinished(folder);
}

export class ViewsWriter {
  /** Each is of some images in all of their views. */
  readonly parts: readonly ImageRange[];
  readonly form: AnswerForm;
  private readonly answerBytes: number;

  private constructor(
    private readonly folder: string,
    private readonly plan: ViewsPlan,
  ) {
    const { data, count } = plan;
    this.form = answerForm(data.classes.length);
    this.answerBytes = answerBytes(this.form);
    const images = Math.max(LEAST_IMAGES, Math.round(ANSWERS_A_PART / count));
    this.parts = Array.from({ length: Math.ceil(data.images / images) }, (_, part) => ({
      first: part * images,
      end: Math.min(data.images, (part + 1) * images),
    }));
  }

  /** Begins, or goes on with the same plan, in a folder that is prepared. */
  static async open(folder: string, plan: ViewsPlan): Promise<ViewsWriter> {
    await writeFileAtomic(viewsFile(folder, "plan"), `${JSON.stringify(plan, undefined, 2)}\n`);
    return new ViewsWriter(folder, plan);
  }

  /** Where the answer to an image of a part is in its bytes. */
  placeIn({ first }: ImageRange, image: number, view: number): number {
    return ((image - first) * this.plan.count + view) * this.answerBytes;
  }

  bytesOf({ first, end }: ImageRange): number {
    return (end - first) * this.plan.count * this.answerBytes;
  }

  has(part: number): boolean {
    const range = this.parts[part];
    const found = statSync(answersPart(this.folder, part), { throwIfNoEntry: false });
    return range !== undefined && found?.size === this.bytesOf(range) + 4 * (range.end - range.first);
  }

  /** `marks`: of the pixels of each image in its first view. */
  async write(part: number, answers: Uint8Array, marks: Uint32Array): Promise<void> {
    const whole = new Uint8Array(answers.length + marks.byteLength);
    whole.set(answers);
    whole.set(new Uint8Array(marks.buffer, marks.byteOffset, marks.byteLength), answers.length);
    await writeFileAtomic(answersPart(this.folder, part), whole);
  }

  /** Makes one file of the parts, which are removed then. `labels` and `keys`: of the images, in their order. */
  async finish(labels: Uint16Array, keys: Uint32Array): Promise<ViewsFacts> {
    const { folder, plan } = this;
    const marks = new Uint32Array(labels.length);
    const hash = createHash("sha256");
    const tally = { right: 0, answers: 0 };
    await writeFileAtomic(viewsFile(folder, "answers"), this.joined(labels, marks, hash, tally));
    const images = new Uint8Array(keys.byteLength + marks.byteLength);
    images.set(new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength));
    images.set(new Uint8Array(marks.buffer), keys.byteLength);
    await writeFileAtomic(viewsFile(folder, "images"), images);
    const files = { answers: hash.digest("hex"), images: createHash("sha256").update(images).digest("hex") };
    const facts = { ...plan, right: tally.right / Math.max(1, tally.answers), files };
    await writeFileAtomic(viewsFile(folder, "views"), `${JSON.stringify(facts, undefined, 2)}\n`);
    for (const part of this.parts.keys()) rmSync(answersPart(folder, part), { force: true });
    rmSync(viewsFile(folder, "plan"), { force: true });
    return facts;
  }

  private async *joined(
    labels: Uint16Array,
    marks: Uint32Array,
    hash: Hash,
    tally: { right: number; answers: number },
  ): AsyncGenerator<Uint8Array> {
    const { folder, plan, form } = this;
    const scores = new Float32Array(form.classes);
    for (const [part, range] of this.parts.entries()) {
      const whole = readFileSync(answersPart(folder, part));
      const answers = whole.subarray(0, this.bytesOf(range));
      for (let image = range.first; image < range.end; image++) {
        marks[image] = whole.readUInt32LE(answers.length + 4 * (image - range.first));
        for (let view = 0; view < plan.count; view++) {
          if (!decodeAnswer(form, answers, this.placeIn(range, image, view), scores, 0)) continue;
          tally.answers++;
          if (correctAnswer(scores, 0, form.classes, labels[image])) tally.right++;
        }
      }
      hash.update(answers);
      yield answers;
    }
  }
}
