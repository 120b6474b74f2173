/** WebGPU in Node: Dawn, from the package `webgpu`, which is loaded only when a GPU is asked for. */
import { pathToFileURL } from "node:url";
import { messageOf, UserError } from "../../errors.js";
import { resolveInstalled } from "../../installed.js";
import { type OpenedGpu, openGpu } from "./adapter.js";

/** Named here, so that a build does not ask for it. */
const PACKAGE = "webgpu";

/** Why the package cannot be loaded, as the end of a sentence with "but"; undefined where it is installed. */
export function packageObstacle(): string | undefined {
  return resolveInstalled(PACKAGE) === undefined ? `the package ${PACKAGE} is not installed (npm install ${PACKAGE})` : undefined;
}

const NO_ADAPTER =
  "no GPU was found: WebGPU needs a driver (on Linux, Vulkan: the GPU maker's, or Mesa's, with libvulkan1); use --backend native or wasm";

/** Dawn ends with its instance, even under devices that are in use: it is kept as long as the process. */
let instance: GPU | undefined;

/** @throws UserError where the package, a driver or an adapter is missing */
export async function openNodeGpu(): Promise<OpenedGpu> {
  const file = resolveInstalled(PACKAGE);
  if (file === undefined)
    throw new UserError(`a GPU was asked for, but ${packageObstacle()}; install it, or use --backend native or wasm`);
  try {
    const { create }: { readonly create: (options: readonly string[]) => GPU } = await import(pathToFileURL(file).href);
    instance ??= create([]);
  } catch (error) {
    throw new UserError(`the package ${PACKAGE} cannot run here (${messageOf(error)}); use --backend native or wasm`, {
      cause: error,
    });
  }
  return openGpu(instance, NO_ADAPTER);
}
