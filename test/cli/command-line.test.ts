/** Hints name a command that can be typed: `rbnet` where a shell finds it, else `npx rbnet`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { asTyped, commandLine, commandName } from "#rbnet/cli/command-line";
import { createProgram } from "#rbnet/cli/program";
import { temporaryFolder } from "../temporary-folder.js";

const file = process.platform === "win32" ? "rbnet.cmd" : "rbnet";

function folderWithCommand(...names: readonly string[]): string {
  const folder = join(temporaryFolder(), ...names);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), "");
  return folder;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("the command's name", () => {
  it("is what a shell finds, which a folder that npx lends to the path is not", () => {
    const lent = folderWithCommand("node_modules", ".bin");
    expect(commandName(["", temporaryFolder(), lent].join(delimiter))).toBe("npx rbnet");
    expect(commandName([lent, folderWithCommand("bin")].join(delimiter))).toBe("rbnet");
  });

  it("stands in what was typed, and in commands in a text, but not in names and paths", async () => {
    vi.stubEnv("PATH", temporaryFolder());
    expect(commandLine(["--resume"])).toMatch(/^npx rbnet .*--resume$/);
    expect(asTyped("see rbnet --help, or `rbnet predict model`; npx rbnet demo")).toBe(
      "see npx rbnet --help, or `npx rbnet predict model`; npx rbnet demo",
    );
    const untouched = "rbnet: runs/rbnet train-2, a model of rbnet's, rbnet 0.1.0";
    expect(asTyped(untouched)).toBe(untouched);
    for (const name of (await createProgram()).commands.map((command) => command.name()))
      expect(asTyped(`rbnet ${name} --help`)).toBe(`npx rbnet ${name} --help`);
    vi.stubEnv("PATH", folderWithCommand("bin"));
    expect(asTyped("see rbnet --help")).toBe("see rbnet --help");
  });
});
