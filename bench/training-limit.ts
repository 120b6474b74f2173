/**
 * The least time that a training step can take on a machine: its arithmetic at full rate, and each byte of its maps moved as
 * often as two passes need.
 */
import type { MachineLimits } from "#rbnet/backend/device";

export interface StepWork {
  /** Multiply-accumulates of one image's forward pass. */
  readonly binaryMacs: number;
  readonly realMacs: number;
  /** Values of one image that leave the residual units, added up. */
  readonly unitValues: number;
}

/**
 * Bytes that one value of a unit's output costs, one pass each: product (writes int16), normalize and activate (reads int16 and
 * the shortcut, writes float32), reduce for the norm and the activation (reads gradient and int16), gradient of the product
 * (reads both, writes float32), input gradient (reads it, the input and the shortcut's gradient, writes float32). Bits are not counted.
 */
const BYTES_PER_UNIT_VALUE = 2 + (2 + 4 + 4) + (4 + 2) + (4 + 2 + 4) + (4 + 4 + 4 + 4);

/**
 * Images a second at most: nothing overlaps, so a machine that computes while it moves memory may do somewhat better. The
 * gradient takes two products of the forward's size for each layer; those of the binary layers multiply floats by signs.
 */
export function trainingLimit(work: StepWork, machine: MachineLimits): number {
  const binary = work.binaryMacs / machine.binaryMacsPerSecond;
  const real = (2 * work.binaryMacs) / machine.signedMacsPerSecond + (3 * work.realMacs) / machine.realMacsPerSecond;
  const memory = (work.unitValues * BYTES_PER_UNIT_VALUE) / machine.bytesPerSecond;
  return 1 / (binary + real + memory);
}
