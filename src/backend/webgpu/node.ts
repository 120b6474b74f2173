/** WebGPU in Node: Dawn, from the package `webgpu`, which is loaded only when a GPU is asked for. */
import { createRequire } from "node:module";
import { messageOf, UserError } from "../../errors.js";
import { type OpenedGpu, openGpu } from "./adapter.js";

/** Named here, so that a build does not ask for it. */
const PACKAGE = "webgpu";

/** Why the package cannot be loaded, as the end of a sentence with "but"; undefined where it is installed. */
export function packageObstacle(): string | undefined {
  try {
    createRequire(import.meta.url).resolve(PACKAGE);
    return undefined;
  } catch {
    return `the package ${PACKAGE} is not installed (npm install ${PACKAGE})`;
  }
}

const NO_ADAPTER =
  "no GPU was found: WebGPU needs a driver (on Linux, Vulkan: the GPU maker's, or Mesa's, with libvulkan1); use --backend native or wasm";

/** Dawn ends with its instance, even under devices that are in use: it is kept as long as the process. */
let instance: GPU | undefined;

/** @throws UserError where the package, a driver or an adapter is missing */
export async function openNodeGpu(): Promise<OpenedGpu> {
  const obstacle = packageObstacle();
  if (obstacle !== undefined)
    throw new UserError(`a GPU was asked for, but ${obstacle}; install it, or use --backend native or wasm`);
  try {
    const { create }: { readonly create: (options: readonly string[]) => GPU } = await import(PACKAGE);
    instance ??= create([]);
  } catch (error) {
    throw new UserError(`the package ${PACKAGE} cannot run here (${messageOf(error)}); use --backend native or wasm`, {
      cause: error,
    });
  }
  return openGpu(instance, NO_ADAPTER);
}
