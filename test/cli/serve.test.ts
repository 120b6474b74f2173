/** `rbnet serve` from the command line: starts, answers, refuses in a sentence, ends. */
import { writeFileSync } from "node:fs";
import { get, request } from "node:http";
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

/** A server that has said where it is. */
async function serving(flags: readonly string[] = []) {
  const { child, outcome } = start(["serve", path, "--port", "0", ...flags]);
  const address = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (text: string) => {
        const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(text)?.[0];
        if (found !== undefined) resolve(found);
      });
    child.once("exit", (code) => reject(new Error(`ended with ${code}`)));
  });
  return { child, address, outcome };
}

describe("rbnet serve", () => {
  it("shows where it is, answers there, and ends on a signal", async () => {
    const { child, address, outcome } = await serving();
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const answer = await fetch(`${address}classify`, { method: "POST", body: new Uint8Array(await picture(1)) });
    expect(((await answer.json()) as { predictions: unknown[] }).predictions).toHaveLength(5);
    expect((await fetch(address)).status).toBe(200);
    child.kill("SIGINT");
    expect((await outcome).code).toBe(0);
  });

  it("answers to further names where they are given, and logs one JSON object a request", async () => {
    const { child, address, outcome } = await serving(["--allow-host", "models.example", "--log"]);
    const ask = (host: string): Promise<number> =>
      new Promise((done, reject) => {
        get(`${address}healthz`, { headers: { Host: host } }, (answer) => {
          answer.resume();
          done(answer.statusCode ?? 0);
        }).on("error", reject);
      });
    expect(await ask("models.example")).toBe(200);
    expect(await ask("other.example")).toBe(403);
    child.kill("SIGTERM");
    const { code, stdout } = await outcome;
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { path: string; status: number });
    expect({ code, lines: lines.map(({ path, status }) => [path, status]) }).toEqual({
      code: 0,
      lines: [
        ["/healthz", 200],
        ["/healthz", 403],
      ],
    });
  });

  it("lets a running request finish when it is told to end", async () => {
    const { child, address, outcome } = await serving();
    const { hostname, port } = new URL(address);
    const image = await picture(1);
    const asked = request({ hostname, port, path: "/classify", method: "POST", headers: { "Content-Length": image.length } });
    const answer = new Promise<number>((done, reject) => {
      asked.on("response", (response) => done(response.statusCode ?? 0)).on("error", reject);
    });
    asked.write(image.subarray(0, 500));
    await new Promise((done) => setTimeout(done, 200));
    child.kill("SIGTERM");
    await new Promise((done) => setTimeout(done, 200));
    asked.end(image.subarray(500));
    expect(await answer).toBe(200);
    expect((await outcome).code).toBe(0);
  });

  it("says nothing of a client that goes away in the middle of its upload, and answers the next", async () => {
    const { child, address, outcome } = await serving();
    const { hostname, port } = new URL(address);
    const asked = request({ hostname, port, path: "/classify", method: "POST", headers: { "Content-Length": 5000 } });
    asked.on("error", () => {});
    asked.write(new Uint8Array(1000));
    await new Promise((done) => setTimeout(done, 200));
    asked.destroy();
    const next = await fetch(`${address}classify`, { method: "POST", body: new Uint8Array(await picture(2)) });
    expect(next.status).toBe(200);
    child.kill("SIGINT");
    expect((await outcome).stderr).not.toMatch(/Error|at /);
  });

  it("refuses an origin that is none", async () => {
    const { code, stderr } = await rbnet(["serve", path, "--port", "0", "--cors", "https://example.org/page"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/is no origin; give the start/) });
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
