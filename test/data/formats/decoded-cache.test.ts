/** Where what was decoded is kept, and that nobody needs a home for a training. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { cacheFile } from "#rbnet/data/formats/decoded-cache";

const MODULE = new URL("../../../dist/data/formats/decoded-cache.js", import.meta.url);

/** What a process in this environment finds. */
function found(environment: Readonly<Record<string, string>>, user: { readonly uid?: number } = {}): string {
  const script = `import { cacheFile } from ${JSON.stringify(MODULE.href)}; console.log(cacheFile(undefined, "x.pixels"))`;
  const words = ["--input-type=module", "-e", script];
  return execFileSync(process.execPath, words, {
    env: environment,
    cwd: fileURLToPath(new URL(".", MODULE)),
    encoding: "utf8",
    ...user,
  }).trim();
}

describe("the folder of caches", () => {
  it("is the given one, $RBNET_CACHE, or one in the home folder", () => {
    expect(cacheFile("/given", "x.pixels")).toBe("/given/x.pixels");
    expect(found({ RBNET_CACHE: "/kept", HOME: "/home/someone" })).toBe("/kept/x.pixels");
    expect(found({ HOME: "/home/someone" })).toBe("/home/someone/.cache/rbnet/x.pixels");
  });

  it("is nowhere where HOME is empty", () => {
    expect(found({ HOME: "" })).toBe("undefined");
  });

  it.skipIf(process.getuid?.() !== 0)("is nowhere where HOME is unset and the user has no name, as in containers", () => {
    expect(found({}, { uid: 48_151 })).toBe("undefined");
  });
});
