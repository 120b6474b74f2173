/** WebGPU in Node: Dawn, from the package `webgpu`, which is loaded only when a GPU is asked for. */
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { messageOf, UserError } from "../../errors.js";
import { resolveInstalled } from "../../installed.js";
import { type FoundGpu, lookForGpu, type OpenedGpu, openGpu } from "./adapter.js";
import { napUntil } from "./naps.js";

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
  const gpu = await openGpu(await openPackage(), NO_ADAPTER);
  return gpu.isSoftware ? Object.assign(gpu, { waitFor: napUntil }) : gpu;
}

/**
 * What Linux has a GPU's driver at: DRM's, NVIDIA's, and that of Windows below it. Without any, Dawn has nothing to find but what computes
 * on the processor, and complains on standard error while it looks.
 */
const LINUX_DRIVERS = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"] as const;

/** The GPU that `openNodeGpu` would open, looked for without a word; undefined where there is none, or nothing to open it with. */
export async function lookForNodeGpu(): Promise<FoundGpu | undefined> {
  if (packageObstacle() !== undefined) return undefined;
  if (process.platform === "linux" && !LINUX_DRIVERS.some((path) => existsSync(path))) return undefined;
  try {
    return await lookForGpu(await openPackage());
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function openPackage(): Promise<GPU> {
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
  return instance;
}
