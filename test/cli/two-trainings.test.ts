/** Two trainings at once: no file is lost or mixed. A few rounds of scripts/two-trainings.mjs, which does it as often as one likes. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../scripts/two-trainings.mjs", import.meta.url));

it("takes a folder each, or one of them says in a sentence that the other has it", { timeout: 180_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, "2"]);
  expect(stdout).toMatch(/^2 rounds: no file lost or mixed; of two trainings into one folder one was refused each time, /);
});
