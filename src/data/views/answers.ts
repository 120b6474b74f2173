/**
 * Answers of a teacher in few bytes. What matters of a class's score is how far it is below the highest: a byte holds that, as a multiple
 * of a step of the answer's own, which another byte holds. Of up to 30 classes all are kept; of more the ten likeliest, and one mean for
 * the rest, which takes a byte more than 30 classes do.
 */

/** Which classes an answer has: all, or the `kept` likeliest. */
export interface AnswerForm {
  readonly classes: number;
  readonly kept: number;
}

const KEPT = 10;
/** A kept class takes three bytes: two for its number, one for its score. */
const MOST_WHOLE = 3 * KEPT;
/** Distances of a byte. */
const LEVELS = 255;
/** How far below the highest score a class is at least that a teacher excludes: a probability of 1e-13. */
const EXCLUDED = 30;

/** [256] the step that a byte means, (1 + b / 8 mod 1) * 2^(floor(b / 8) - 24): exact in float32, at most an eighth apart. 0: no answer. */
const STEPS = Float64Array.from({ length: 256 }, (_, code) => (1 + (code % 8) / 8) * 2 ** ((code >> 3) - 24));

export function answerForm(classes: number): AnswerForm {
  return { classes, kept: classes <= MOST_WHOLE ? classes : KEPT };
}

/** Of one answer: the step's, and one a class; or the step's, three a kept class, and one for the rest. */
export function answerBytes({ classes, kept }: AnswerForm): number {
  return kept === classes ? 1 + classes : 1 + 3 * kept + 1;
}

/**
 * Writes an answer at `bytes[at]`.
 *
 * @param scores [classes] logits or logarithms of probabilities, -Infinity for a class that is excluded; one at least is finite
 */
export function encodeAnswer(scores: ArrayLike<number>, { classes, kept }: AnswerForm, bytes: Uint8Array, at: number): void {
  const below = distances(scores, classes);
  if (kept === classes) {
    const code = stepFor(below.reduce((most, distance) => Math.max(most, distance), 0));
    bytes[at] = code;
    for (let label = 0; label < classes; label++) bytes[at + 1 + label] = levelOf(below[label], code);
    return;
  }
  const order = Array.from(below.keys()).sort((one, other) => below[one] - below[other] || one - other);
  const [first, rest] = [order.slice(0, kept), order.slice(kept)];
  const others = -Math.log(rest.reduce((sum, label) => sum + Math.exp(-below[label]), 0) / rest.length);
  const code = stepFor(Math.max(others, below[first[kept - 1]]));
  bytes[at] = code;
  for (const [place, label] of first.entries()) {
    bytes[at + 1 + 2 * place] = label & 255;
    bytes[at + 2 + 2 * place] = label >> 8;
    bytes[at + 1 + 2 * kept + place] = levelOf(below[label], code);
  }
  bytes[at + 1 + 3 * kept] = levelOf(others, code);
}

/**
 * Reads the answer at `bytes[at]` into `scores[to]` and the classes behind it: logits of which the highest is 0. Returns whether there is
 * one.
 */
export function decodeAnswer(
  { classes, kept }: AnswerForm,
  bytes: Uint8Array,
  at: number,
  scores: Float32Array,
  to: number,
): boolean {
  const step = STEPS[bytes[at]];
  if (bytes[at] === 0) return false;
  if (kept === classes) {
    for (let label = 0; label < classes; label++) scores[to + label] = -step * bytes[at + 1 + label];
    return true;
  }
  scores.fill(-step * bytes[at + 1 + 3 * kept], to, to + classes);
  for (let place = 0; place < kept; place++) {
    const label = bytes[at + 1 + 2 * place] | (bytes[at + 2 + 2 * place] << 8);
    scores[to + label] = -step * bytes[at + 1 + 2 * kept + place];
  }
  return true;
}

/**
 * Where the teacher is wrong, the label and the class that it takes the image for exchange their scores: the label comes first, and what
 * the teacher says of all others stays. (Probability shift of Wen, Lai and Qian 2019, "Preparing Lessons".) Returns whether it was right.
 */
export function correctAnswer(scores: Float32Array, from: number, classes: number, label: number): boolean {
  let top = 0;
  for (let other = 1; other < classes; other++) if (scores[from + other] > scores[from + top]) top = other;
  const wanted = scores[from + label];
  if (wanted === scores[from + top]) return true;
  scores[from + label] = scores[from + top];
  scores[from + top] = wanted;
  return false;
}

/** How far each score is below the highest. */
function distances(scores: ArrayLike<number>, classes: number): Float64Array {
  let [highest, lowest] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let label = 0; label < classes; label++) {
    const score = scores[label];
    highest = Math.max(highest, score);
    if (score > Number.NEGATIVE_INFINITY) lowest = Math.min(lowest, score);
  }
  const furthest = Math.max(EXCLUDED, highest - lowest);
  return Float64Array.from({ length: classes }, (_, label) => Math.min(furthest, highest - scores[label]));
}

/** The smallest step by whose multiples a byte reaches so far; the largest where none does. */
function stepFor(furthest: number): number {
  let code = 1;
  while (code < LEVELS && LEVELS * STEPS[code] < furthest) code++;
  return code;
}

function levelOf(distance: number, code: number): number {
  return Math.min(LEVELS, Math.round(distance / STEPS[code]));
}
