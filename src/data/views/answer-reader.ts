/** Looks answers up in their file, for the worker that prepares the images: the system keeps in memory what is asked for often. */
import { openSync, readSync } from "node:fs";
import { BadImageError } from "../decoding/bad-image.js";
import { answerBytes, correctAnswer, decodeAnswer } from "./answers.js";
import type { AnswerSource } from "./view-plan.js";

export class AnswerReader {
  private readonly file: number;
  private readonly bytes: Uint8Array;

  constructor(private readonly source: AnswerSource) {
    this.file = openSync(source.path, "r");
    this.bytes = new Uint8Array(answerBytes(source.form));
  }

  /**
   * The answer to image `index` of the set in a view, corrected by its label, as scores of a place of a batch.
   *
   * @throws BadImageError where the image could not be read when the teacher was asked
   */
  read(index: number, view: number, label: number, scores: Float32Array, position: number): void {
    const { bytes, source } = this;
    const { form, rows, count, path } = source;
    const at = (rows[index] * count + view) * bytes.length;
    if (readSync(this.file, bytes, 0, bytes.length, at) < bytes.length) throw new Error(`${path} has become shorter`);
    const from = position * form.classes;
    if (!decodeAnswer(form, bytes, 0, scores, from))
      throw new BadImageError(path, "it could not be read when the views were made");
    correctAnswer(scores, from, form.classes, label);
  }
}
