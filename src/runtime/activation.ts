/**
 * The activations of the field as one function with four parameters a channel, of which each kind learns some:
 *
 *   y = right[c] * (x - from[c]) + to[c]   where x > from[c]
 *   y = left[c]  * (x - from[c]) + to[c]   elsewhere
 *
 * PReLU (He et al., 2015) learns the left slope, RPReLU (ReActNet) both shifts besides, and RB-Net's balanced activation all four.
 */
export const activationKinds = ["relu", "prelu", "rprelu", "balanced"] as const;
export type ActivationKind = (typeof activationKinds)[number];

export interface Activation {
  readonly kind: ActivationKind;
  /** [4, C]: from, left, right, to, each of all channels, one after the other. */
  readonly values: Float32Array;
}

/** Rows of the four (from, left, right, to) that a kind learns; the others are those of FIXED. */
export const LEARNED_ROWS: Readonly<Record<ActivationKind, readonly number[]>> = {
  relu: [],
  prelu: [1],
  rprelu: [0, 1, 3],
  balanced: [0, 1, 2, 3],
};
const FIXED = [0, 0, 1, 0] as const;

/** [4, C] of an activation that learns nothing: ReLU. */
export function fixedValues(channels: number): Float32Array {
  return Float32Array.from({ length: 4 * channels }, (_, i) => FIXED[Math.floor(i / channels)] ?? 0);
}

/** The rows that are learned, one after the other: what is stored of an activation. */
export function learnedValues({ kind, values }: Activation): Float32Array {
  const channels = values.length / 4;
  const learned = new Float32Array(LEARNED_ROWS[kind].length * channels);
  for (const [i, row] of LEARNED_ROWS[kind].entries())
    learned.set(values.subarray(row * channels, (row + 1) * channels), i * channels);
  return learned;
}

/** The activation whose learned rows are `learned`. */
export function activationOf(kind: ActivationKind, learned: Float32Array, channels: number): Activation {
  const values = fixedValues(channels);
  for (const [i, row] of LEARNED_ROWS[kind].entries())
    values.set(learned.subarray(i * channels, (i + 1) * channels), row * channels);
  return { kind, values };
}
