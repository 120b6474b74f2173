/** What the kernels need of an engine, and a sentence with the remedy where it lacks it or a policy forbids it. Runs anywhere. */
import { messageOf, UserError } from "../../errors.js";

/** A module of one instruction, i8x16.splat. It validates where the engine has 128-bit vectors. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 1, 253, 15, 11,
]);

/** The package's own file of kernels, which platforms that compile nothing at run time import. */
export const KERNELS_IMPORT = "the package's kernels.wasm (rbnet/runtime/kernels.wasm)";

/** @throws UserError where the engine has no WebAssembly, or none with vectors */
export function requireKernelsEngine(): void {
  if (typeof WebAssembly !== "object")
    throw new UserError(
      "this engine has no WebAssembly, and the kernels are made of it; use a current browser, or Node without --jitless",
    );
  if (!WebAssembly.validate(SIMD_PROBE))
    throw new UserError(
      "this engine's WebAssembly has no SIMD, and the kernels are made of it; " +
        "use Chrome or Edge from 91, Firefox from 89, Safari from 16.4, or Node from 20 on",
    );
}

/** @throws UserError where a policy of the page or of the platform forbids to compile */
export async function compileKernels(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new UserError(forbidden(messageOf(error)), { cause: error });
  }
}

function forbidden(reason: string): string {
  if (/content security policy|unsafe-eval/i.test(reason))
    return "the page's Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src";
  if (/disallowed by embedder|code generation/i.test(reason))
    return (
      "this platform compiles no WebAssembly at run time; " +
      `let it import ${KERNELS_IMPORT} as a module, and give that: loadModel(source, { module })`
    );
  return `this engine does not compile the kernels (${reason}); use a current one`;
}
