/** All that a backend must do, as tests of any backend: the contract of kernels.ts, checked against the reference on random shapes. */
import { afterAll, beforeAll, describe } from "vitest";
import type { Backend } from "#rbnet/backend/kernels";
import { binaryClaims } from "./claims/binary-claims.js";
import { channelClaims } from "./claims/channel-claims.js";
import { memoryClaims } from "./claims/memory-claims.js";
import { normalizationClaims } from "./claims/normalization-claims.js";
import { poolClaims } from "./claims/pool-claims.js";
import { realClaims } from "./claims/real-claims.js";
import { updateClaims } from "./claims/update-claims.js";

export function kernelClaims(name: string, factory: () => Backend | Promise<Backend>): void {
  describe(name, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await factory();
    });
    afterAll(() => backend[Symbol.dispose]());
    for (const claims of [memoryClaims, binaryClaims, realClaims, normalizationClaims, poolClaims, channelClaims, updateClaims])
      claims(() => backend);
  });
}
