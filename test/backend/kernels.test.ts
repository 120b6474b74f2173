/**
 * The WebAssembly backend keeps the kernels' contract in both of its builds and with every set of native kernels, alone and with helpers;
 * the reference checks the claims.
 */

import { it } from "vitest";
import { findAccelerator } from "#rbnet/backend/native/accelerator";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { hasRelaxedSimd } from "#rbnet/backend/wasm/module";
import { kernelClaims } from "./kernel-claims.js";

const accelerator = findAccelerator();
const WAYS = [
  { threads: 1, product: "popcount" },
  { threads: 3, product: "table" },
] as const;

kernelClaims("reference", createReferenceBackend);
for (const relaxed of hasRelaxedSimd() ? [false, true] : [false]) {
  for (const { threads, product } of WAYS) {
    kernelClaims(`wasm, ${relaxed ? "relaxed" : "plain"} SIMD, products by ${product}, threads: ${threads}`, () =>
      createWasmBackend({ threads, relaxed, product }),
    );
  }
}
if ("absent" in accelerator) it.skip(`native kernels keep the contract: ${accelerator.absent}`, () => undefined);
else {
  const { addon, file } = accelerator;
  const precisions = { float32: addon.instructionSets, bfloat16: addon.bfloat16Sets };
  for (const precision of ["float32", "bfloat16"] as const) {
    for (const instructionSet of precisions[precision]) {
      for (const { threads, product } of WAYS) {
        kernelClaims(
          `native, ${instructionSet}, products by ${product}, threads: ${threads}`,
          () => createWasmBackend({ threads, product, accelerated: { file, instructionSet } }),
          precision,
        );
      }
    }
  }
}
