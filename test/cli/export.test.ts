/** `rbnet export` as a person uses it. */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { decodeModel, encodeModel, type Model } from "#rbnet/runtime/model";
import { smallModel } from "../runtime/small-model.js";
import { rbnet } from "./command.js";

let folder = "";
let model: Model;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rbnet-export-"));
  using backend = await createWasmBackend({ threads: 1 });
  model = await smallModel(backend);
  writeFileSync(join(folder, "model.safetensors"), encodeModel(model));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("rbnet export", () => {
  it("writes the model of a run's folder beside it in float16, and says where and how large", async () => {
    const { code, stdout } = await rbnet(["export", folder]);
    const file = join(folder, "model-float16.safetensors");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/model-float16\.safetensors: [\d.]+ KB, real parameters in float16\n$/),
    });
    expect(statSync(file).size).toBeLessThan(statSync(join(folder, "model.safetensors")).size);
    expect(decodeModel(readFileSync(file), "it").operations.map(({ name }) => name)).toEqual(
      model.operations.map(({ name }) => name),
    );
  });

  it("writes a model file again as it was, in float32, where it is told to", async () => {
    const file = join(folder, "again.safetensors");
    const { code, stdout } = await rbnet([
      "export",
      join(folder, "model.safetensors"),
      "--precision",
      "float32",
      "--out",
      file,
      "--json",
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ file, bytes: statSync(file).size, precision: "float32" });
    expect(readFileSync(file).equals(readFileSync(join(folder, "model.safetensors")))).toBe(true);
  });

  it("names the layers of a model file in its summary", async () => {
    const { code, stdout } = await rbnet(["summary", join(folder, "model.safetensors")]);
    expect(code).toBe(0);
    for (const name of ["stem1", "stage1.unit2", "stage2.unit1.shortcut", "classifier"]) expect(stdout).toContain(name);
  });

  it.each([
    [["export", "nowhere"], /cannot read the model nowhere \(ENOENT\)/],
    [["export", "model.safetensors", "--precision", "int8"], /float16, float32/],
    [["export", "model.safetensors", "--out", "none/of/these.safetensors"], /cannot write none\/of\/these\.safetensors/],
  ])("refuses %j in a sentence", async (words, sentence) => {
    const { code, stderr } = await rbnet(words, folder);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(sentence) });
    expect(stderr.trim().split("\n").length).toBe(1);
  });
});
