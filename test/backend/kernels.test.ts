/** The WebAssembly backend keeps the kernels' contract in both of its builds, alone and with helpers; the reference checks the claims. */
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { hasRelaxedSimd } from "#rbnet/backend/wasm/module";
import { kernelClaims } from "./kernel-claims.js";

kernelClaims("reference", createReferenceBackend);
for (const relaxed of hasRelaxedSimd() ? [false, true] : [false]) {
  for (const threads of [1, 3]) {
    kernelClaims(`wasm, ${relaxed ? "relaxed" : "plain"} SIMD, threads: ${threads}`, () =>
      createWasmBackend({ threads, relaxed }),
    );
  }
}
