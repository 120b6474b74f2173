/**
 * Smooth stand-ins for the sign whose derivatives are those of the straight-through estimators. A sign has no useful finite difference;
 * a test that takes one of a layer puts these in its place, and must then find the gradient that the kernels compute.
 */
import type { Estimator } from "../terms.js";

function clamp(x: number): number {
  return Math.min(1, Math.max(-1, x));
}

/** Bi-Real Net (Liu et al., 2018), section 3.2: 2x + x^2 on [-1, 0], 2x - x^2 on [0, 1]; its derivative is max(0, 2 - 2|x|). */
function piecewiseQuadratic(x: number): number {
  const inside = clamp(x);
  return 2 * inside - inside * Math.abs(inside);
}

/** In place of sign(x - threshold). */
export const SURROGATE_SIGN: Readonly<Record<Estimator, (x: number) => number>> = { clip: clamp, polynomial: piecewiseQuadratic };

/** In place of sign(latent). */
export const surrogateWeight: (latent: number) => number = clamp;

/** Derivatives of SURROGATE_SIGN, which pass the gradient of a sign to its input. */
export const ESTIMATOR_SLOPE: Readonly<Record<Estimator, (x: number) => number>> = {
  clip: (x) => (Math.abs(x) <= 1 ? 1 : 0),
  polynomial: (x) => Math.max(0, 2 - 2 * Math.abs(x)),
};
