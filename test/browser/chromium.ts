/** The Chromium that browser tests drive; undefined where none is installed, and they are skipped. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

export const chromiumPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** With these flags a page has a GPU, in software. */
export const WITH_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

export async function launchChromium(flags: readonly string[] = ["--disable-gpu"]): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-background-networking", ...flags];
  return chromium.launch({ ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }), args });
}
