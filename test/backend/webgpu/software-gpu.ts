/**
 * A GPU for tests: one in software where there is one, or what the machine has. SwiftShader, which Chromium brings along, compiles
 * quickly; Mesa's llvmpipe computes faster and has float16. Either is a Vulkan driver.
 */
import { existsSync, readFileSync } from "node:fs";
import type { OpenedGpu } from "#rbnet/backend/webgpu/adapter";
import { openNodeGpu } from "#rbnet/backend/webgpu/node";

const SWIFTSHADER = ["/usr/lib/chromium/vk_swiftshader_icd.json", "/usr/lib/chromium-browser/vk_swiftshader_icd.json"];
const LLVMPIPE = ["/usr/share/vulkan/icd.d/lvp_icd.json", "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json"];

/** Mesa 25 says Vulkan 1.4; what Debian 12 has by itself says 1.3, and is too old for Dawn. */
function isRecent(driver: string): boolean {
  const { ICD } = JSON.parse(readFileSync(driver, "utf8")) as { readonly ICD: { readonly api_version: string } };
  const [major = 0, minor = 0] = ICD.api_version.split(".").map(Number);
  return major > 1 || minor >= 4;
}

/** Opens a GPU, one that has float16 if there is any, or says why there is none. All of a process are of the first one's driver. */
export async function findGpu({ float16 = false } = {}): Promise<OpenedGpu | { readonly absent: string }> {
  const there = [
    ...SWIFTSHADER.filter((path) => existsSync(path)),
    ...LLVMPIPE.filter((path) => existsSync(path) && isRecent(path)),
  ];
  const driver = float16 ? there.at(-1) : there[0];
  // Read by Vulkan's loader when the first adapter is asked for.
  if (driver !== undefined) process.env.VK_DRIVER_FILES ??= driver;
  try {
    return await openNodeGpu();
  } catch (error) {
    return { absent: (error as Error).message };
  }
}
