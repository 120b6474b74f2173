/** `rbnet doctor` as a person and as a program read it. */

import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { findAccelerator } from "#rbnet/backend/native/accelerator";
import { temporaryFolder } from "../temporary-folder.js";
import { rbnet } from "./command.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

describe("rbnet doctor", () => {
  it("says what runs, and how fast it is at best", async () => {
    const { code, stdout } = await rbnet(["doctor", "--json"]);
    expect(code).toBe(0);
    const found = JSON.parse(stdout);
    expect(found.node).toBe(process.versions.node);
    expect(found.backend).toMatch(/^(native, [\w-]+|wasm, (relaxed|plain) SIMD)$/);
    const gpu = "absent" in found.gpu ? [] : ["webgpu"];
    if (found.gpu.rates !== undefined) expect(Object.values(found.gpu.rates).every((rate) => (rate as number) > 1e7)).toBe(true);
    expect(found.backends).toEqual([...(/^native/.test(found.backend) ? ["native"] : []), "wasm", ...gpu]);
    expect(["table", "popcount"]).toContain(found.product);
    for (const rate of Object.values(found.limits)) expect(rate).toBeGreaterThan(1e8);
    expect(found.limits.signedMacsPerSecond).toBeGreaterThanOrEqual(found.limits.realMacsPerSecond);
    // Nothing multiplies real numbers as fast as bits.
    expect(found.limits.binaryMacsPerSecond).toBeGreaterThan(found.limits.realMacsPerSecond);
  });

  it("is a short table for people", async () => {
    const { code, stdout } = await rbnet(["doctor"]);
    expect(code).toBe(0);
    const names = "rbnet|processor|WebAssembly|accelerator|bfloat16|GPU|backends|what runs|at best".split("|");
    // Where there is a GPU, its rates follow it.
    const table = stdout.replace(/^GPU at best .*binary and .* copied\n/m, "");
    expect(table).toMatch(new RegExp(`^${names.map((name) => `${name} .*\\n`).join("")}$`));
    expect(stdout).toMatch(/^rbnet +\d+\.\d+\.\d+ on Node /);
  });

  it.skipIf(!existsSync(join(root, "dist/backend/native/rbnet.node")))("uses the accelerator that was built here", () => {
    expect(findAccelerator()).toMatchObject({ file: expect.stringMatching(/rbnet\.node$/) });
  });

  it.skipIf("absent" in findAccelerator())("leaves an accelerator of other kernels alone, and says so", () => {
    const copy = join(temporaryFolder(), "rbnet");
    mkdirSync(copy);
    cpSync(join(root, "dist"), join(copy, "dist"), { recursive: true });
    copyFileSync(join(root, "package.json"), join(copy, "package.json"));
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction");
    const contract = join(copy, "dist/backend/native/contract.json");
    expect(readFileSync(contract, "utf8")).toMatch(/^"[0-9a-f]{16}"\n$/);
    writeFileSync(contract, '"0123456789abcdef"');
    const { stdout } = spawnSync(process.execPath, [join(copy, "dist/cli/main.js"), "doctor", "--json"], { encoding: "utf8" });
    const { accelerator, backend } = JSON.parse(stdout);
    expect(accelerator.absent).toMatch(/is of another version of rbnet/);
    expect(backend).toMatch(/^wasm/);
  });
});
