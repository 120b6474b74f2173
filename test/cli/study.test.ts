/** `rbnet study` as a person runs it: the plan, an interruption and what follows it, and mistakes in one sentence. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { jsonLines, rbnet, said, start } from "./command.js";

const STUDY = {
  name: "tiny",
  data: { path: "shapes", size: 16, trainImages: 40, validationFraction: 0.02 },
  settings: { epochs: 16, batch: 8 },
  rows: [
    { name: "narrow", network: "rbnet8", width: 0.25 },
    { name: "wide", network: "rbnet8", width: 0.5, recipe: "single-stage" },
  ],
};
const WORDS = ["study", "tiny.json", "--threads", "1"];
let place = "";

beforeEach(() => {
  place = temporaryFolder();
  writeFileSync(join(place, "tiny.json"), JSON.stringify(STUDY));
});

describe("rbnet study", () => {
  it("prints rows, operations and time with --dry-run, and writes nothing", async () => {
    const { code, stdout, stderr } = await rbnet([...WORDS, "--dry-run"], place);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^row +network +runs +OPs +packed size/m);
    expect(stdout).toMatch(/^wide +rbnet8 \(width 0\.5, recipe single-stage\) +1 /m);
    expect(stdout).toMatch(/in all; measured by a few steps/);
    expect(existsSync(join(place, "studies"))).toBe(false);
  });

  it("stops by Ctrl-C with 130, and the command that it says ends the rest", async () => {
    const running = start([...WORDS, "--json"], place);
    await said(running, "stdout", /"row":"wide".*"index":2/);
    running.child.kill("SIGINT");
    const { code, stderr } = await running.outcome;
    expect(code).toBe(130);
    const command = /Go on with:\n {2}(?:npx )?rbnet (.*)\n$/.exec(stderr)?.[1]?.split(" ") ?? [];
    expect(command).toEqual([...WORDS, "--json"]);
    const rest = jsonLines(await rbnet(command, place));
    expect(rest[0]).toMatchObject({ kind: "run", row: "wide", number: 1, of: 1, resumed: true });
    expect(rest.at(-1)).toMatchObject({ kind: "study", runs: { planned: 2, finished: 2 } });
    expect(JSON.parse(readFileSync(join(place, "studies", "tiny", "results.json"), "utf8")).rows).toHaveLength(2);
  }, 180_000);

  it.each([
    [["study", "none.json"], /^rbnet: cannot read the study none\.json \(ENOENT\)/],
    [[...WORDS, "--rows", "narow"], 'rbnet: the study tiny has no row "narow"; its rows are narrow, wide\n'],
    [[...WORDS, "--rows", "narrow,"], /Names of rows, separated by commas, are expected/],
    [["study", "tiny.json", "nowhere"], /^rbnet: there is no folder/],
    [[...WORDS, "--precision", "bfloat16", "--backend", "wasm"], /^rbnet: products in bfloat16 .* WebAssembly has none/],
    [[...WORDS, "--keep-every", "0"], /--keep-every.* A whole number from 1 is expected/],
  ])("refuses %j in one sentence", async (words, sentence) => {
    const { code, stdout, stderr } = await rbnet(words, place);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^rbnet: [^\n]+\n$/);
    if (typeof sentence === "string") expect(stderr).toBe(sentence);
    else expect(stderr).toMatch(sentence);
    expect(existsSync(join(place, "studies"))).toBe(false);
  });

  it("refuses a file that is no JSON", async () => {
    writeFileSync(join(place, "tiny.json"), "{");
    expect(await rbnet(WORDS, place)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/^rbnet: the study tiny\.json is not JSON \(.*\n$/),
    });
  });
});
