/** A GPU for tests: the one that the machine has, or SwiftShader, which Chromium brings along as a Vulkan driver in software. */
import { existsSync } from "node:fs";
import type { OpenedGpu } from "#rbnet/backend/webgpu/adapter";
import { openNodeGpu } from "#rbnet/backend/webgpu/node";

const DRIVERS = ["/usr/lib/chromium/vk_swiftshader_icd.json", "/usr/lib/chromium-browser/vk_swiftshader_icd.json"];

// Read by Vulkan's loader when the first adapter is asked for.
const driver = DRIVERS.find((path) => existsSync(path));
if (driver !== undefined) process.env.VK_DRIVER_FILES ??= driver;

/** Opens a GPU, or says why there is none. */
export async function findGpu(): Promise<OpenedGpu | { readonly absent: string }> {
  try {
    return await openNodeGpu();
  } catch (error) {
    return { absent: (error as Error).message };
  }
}
