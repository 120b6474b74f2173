/** All that a backend must do, as tests of any backend: the contract of kernels.ts, checked against the reference on random shapes. */
import { afterAll, beforeAll, describe } from "vitest";
import type { Backend, GradientPrecision } from "#rbnet/backend/device";
import { binaryClaims } from "./claims/binary-claims.js";
import { channelClaims } from "./claims/channel-claims.js";
import { lossClaims } from "./claims/loss-claims.js";
import { memoryClaims } from "./claims/memory-claims.js";
import { normalizationClaims } from "./claims/normalization-claims.js";
import { operandClaims } from "./claims/operand-claims.js";
import { orderClaims } from "./claims/order-claims.js";
import { poolingClaims } from "./claims/pooling-claims.js";
import { realClaims } from "./claims/real-claims.js";
import { updateClaims } from "./claims/update-claims.js";

/**
 * Of a backend of lower precision, what it is given for the gradient products is what it can hold, so that it has to be as exact as the
 * others.
 */
export function kernelClaims(
  name: string,
  factory: () => Backend | Promise<Backend>,
  precision: GradientPrecision = "float32",
): void {
  describe(name, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await factory();
    });
    afterAll(() => backend[Symbol.dispose]());
    for (const claims of [
      memoryClaims,
      orderClaims,
      operandClaims,
      binaryClaims,
      realClaims,
      normalizationClaims,
      poolingClaims,
      lossClaims,
      channelClaims,
      updateClaims,
    ])
      claims(() => backend, precision);
  });
}
