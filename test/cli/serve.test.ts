/** `rbnet serve` from the command line: starts, answers, refuses in a sentence, ends. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeModel } from "#rbnet/runtime/model";
import { picture, shapesModel } from "../serve/served.js";
import { temporaryFolder } from "../temporary-folder.js";
import { rbnet, start } from "./command.js";

const folder = temporaryFolder();
const path = join(folder, "model.safetensors");
beforeAll(async () => writeFileSync(path, encodeModel(await shapesModel())));

describe("rbnet serve", () => {
  it("shows where it is, answers there, and ends on a signal", async () => {
    const { child, outcome } = start(["serve", path, "--port", "0"]);
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout?.once("data", (text: string) => resolve(text));
      child.once("exit", (code) => reject(new Error(`ended with ${code}`)));
    });
    const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)?.[0] ?? "";
    const answer = await fetch(`${address}classify`, { method: "POST", body: new Uint8Array(await picture(1)) });
    expect(((await answer.json()) as { predictions: unknown[] }).predictions).toHaveLength(5);
    expect((await fetch(address)).status).toBe(200);
    child.kill("SIGINT");
    expect((await outcome).code).toBe(0);
  });

  it("refuses a port that is taken, one that cannot be, and a file that is no model", async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
    const taken = String((other.address() as { port: number }).port);
    const cases = [
      [["serve", path, "--port", taken], /another program has it; choose another --port/],
      [["serve", path, "--port", "70000"], /At most 65535/],
      [["serve", path, "--port", "0", "--host", "203.0.113.7"], /cannot listen on 203\.0\.113\.7/],
      [["serve", join(folder, "missing")], /cannot read the model/],
    ] as const;
    try {
      for (const [words, sentence] of cases) {
        const { code, stderr } = await rbnet(words);
        expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(sentence) });
      }
    } finally {
      await new Promise((done) => other.close(done));
    }
  });
});
