/** The command as a whole: how it is started, and that each command is known and loads alone. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { rbnet } from "./command.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const command = join(root, "bin/rbnet.js");
const NAMES = ["train", "eval", "predict", "export", "serve", "bench", "doctor", "summary", "demo"];

describe("the command rbnet", () => {
  it.skipIf(process.platform === "win32")("is a program of its own, as npx starts it in a clone", () => {
    expect(execFileSync(command, ["--version"], { encoding: "utf8" })).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("says what to do in a clone that is not built yet", () => {
    const clone = temporaryFolder();
    mkdirSync(join(clone, "bin"));
    writeFileSync(join(clone, "package.json"), `{ "type": "module" }`);
    copyFileSync(command, join(clone, "bin/rbnet.js"));
    const { status, stderr } = spawnSync(process.execPath, [join(clone, "bin/rbnet.js"), "train"], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(/^rbnet: .*not built yet; run `npm install && npm run build`.*\n$/),
    });
  });

  it("names all of its commands, and each shows an example", async () => {
    const { stdout } = await rbnet(["--help"]);
    for (const name of NAMES) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    for (const name of NAMES)
      expect((await rbnet([name, "--help"])).stdout).toMatch(new RegExp(`Example:\n  (npx )?rbnet ${name}`));
  }, 60_000);

  it("loads for a prediction neither what trains nor what serves", () => {
    const loaded = new Set<string>();
    follow(join(root, "dist/cli/main.js"), loaded);
    follow(join(root, "dist/cli/predict.js"), loaded);
    const names = [...loaded].map((path) => relative(join(root, "dist"), path).replaceAll("\\", "/"));
    expect(names).toContain("runtime/classifier.js");
    for (const foreign of ["cli/train.js", "training/trainer.js", "serve/app.js"]) expect(names).not.toContain(foreign);
  });
});

/** Adds a compiled module and all that its import statements bring along; import() is left for when it is called. */
function follow(path: string, found: Set<string>): void {
  if (found.has(path)) return;
  found.add(path);
  for (const [, target] of readFileSync(path, "utf8").matchAll(/^(?:import|export)\b[^";]*"(\.[^"]+)";/gm))
    follow(join(dirname(path), target!), found);
}
