/**
 * Schemathesis finds no fault with what the server does and says of itself. RBNET_PYTHON names a Python that has it; skipped
 * where it is not installed.
 */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { serve } from "@hono/node-server";
import { describe, expect, it } from "vitest";
import { createApp } from "#rbnet/serve/app";
import { served } from "./served.js";

const python = process.env.RBNET_PYTHON ?? "python3";
const installed = spawnSync(python, ["-c", "import schemathesis"]).status === 0;
const HOOKS = fileURLToPath(new URL("openapi_hooks.py", import.meta.url));

/** Exit code and output of a run of schemathesis on an address. */
function schemathesis(address: string): Promise<{ code: number | null; said: string }> {
  const words = ["-m", "schemathesis.cli", "run", `${address}/openapi.json`, "--max-examples", "20", "--seed", "1", "--no-color"];
  const child = spawn(python, words, { env: { ...process.env, SCHEMATHESIS_HOOKS: HOOKS } });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  return new Promise((done) => child.on("close", (code) => done({ code, said })));
}

describe.skipIf(!installed)("the OpenAPI document (skipped where schemathesis is not installed)", () => {
  it("describes what the server takes and answers", { timeout: 180_000 }, async () => {
    const model = await served();
    const { fetch } = createApp(model);
    const server = await new Promise<ReturnType<typeof serve>>((done) => {
      const started = serve({ fetch, port: 0, hostname: "127.0.0.1" }, () => done(started));
    });
    try {
      const { port } = server.address() as { port: number };
      const { code, said } = await schemathesis(`http://127.0.0.1:${port}`);
      expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining("No issues found") });
    } finally {
      server.close();
      model.classify.dispose();
    }
  });
});
