/** `rbnet/runtime` in Node: every kind of source and image gives the same answers, and a wrong one a sentence. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { loadModel } from "#rbnet/deploy/load-model";
import { UserError } from "#rbnet/errors";
import { encodeModel } from "#rbnet/runtime/model";
import { CLASSES, SIZE, smallModel } from "../runtime/small-model.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();
const path = join(folder, "a model.safetensors");
let file: Uint8Array;

beforeAll(async () => {
  using backend = await createWasmBackend({ threads: 1 });
  file = encodeModel(await smallModel(backend));
  writeFileSync(path, file);
});

function pixels(seed: number) {
  const random = new Random(seed);
  return { data: Uint8Array.from({ length: SIZE * SIZE * 3 }, () => random.integer(256)), width: SIZE, height: SIZE };
}

function pngOf({ data, width, height }: ReturnType<typeof pixels>): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

async function refusal(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UserError)) throw new Error(`expected a UserError, got ${error}`);
  return error.message;
}

describe("loadModel", () => {
  it("reads a path, an address, bytes and a Blob, with the same answers", async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/model" ? 200 : 404;
      response.end(request.url === "/model" ? file : undefined);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    const host = `http://127.0.0.1:${address.port}`;
    try {
      const buffer = file.slice().buffer;
      const answers = [];
      for (const source of [
        path,
        pathToFileURL(path),
        `${host}/model`,
        new URL(`${host}/model`),
        file,
        buffer,
        new Blob([buffer]),
      ]) {
        using classify = await loadModel(source);
        answers.push(await classify(pixels(1)));
      }
      for (const answer of answers) expect(answer).toEqual(answers[0]);
      expect(await refusal(loadModel(`${host}/other`))).toMatch(/the server answers 404; check the address$/);
    } finally {
      await new Promise((done) => server.close(done));
    }
    expect(await refusal(loadModel(`${host}/model`))).toMatch(/cannot be fetched \(.*\); check the address and the connection$/);
  });

  it("refuses what is no model, and addresses of another kind", async () => {
    expect(await refusal(loadModel(join(folder, "missing")))).toMatch(/cannot read the model .*ENOENT/);
    expect(await refusal(loadModel(new URL("ftp://127.0.0.1/model")))).toMatch(/neither file: nor http/);
    expect(await refusal(loadModel(new Uint8Array(100)))).toMatch(/not a usable safetensors file/);
    expect(await refusal(loadModel(new Blob(["hello, world"])))).toMatch(/not a usable safetensors file/);
  });
});

describe("a loaded model", () => {
  it("gives every label with scores that fall and sum to 1, and as many as are asked for", async () => {
    using classify = await loadModel(file);
    const all = await classify(pixels(2));
    expect(all.map(({ label }) => label).sort()).toEqual([...CLASSES].sort());
    expect(all.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 12);
    for (const [i, { score }] of all.entries()) expect(score).toBeLessThanOrEqual(all[i - 1]?.score ?? 1);
    expect(await classify(pixels(2), { top: 1 })).toEqual(all.slice(0, 1));
  });

  it("answers alike for pixels, the bytes of a file, a path and a Blob", async () => {
    using classify = await loadModel(file);
    const png = await pngOf(pixels(3));
    const picture = join(folder, "picture.png");
    writeFileSync(picture, png);
    const expected = await classify(pixels(3));
    for (const image of [png, picture, new Blob([Uint8Array.from(png).buffer])]) expect(await classify(image)).toEqual(expected);
  });

  it("answers a batch, and calls at the same time, as it answers one after the other", async () => {
    using classify = await loadModel(file);
    const images = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => (seed % 2 === 0 ? pixels(seed) : pngOf(pixels(seed)))));
    const alone = [];
    for (const image of images) alone.push(await classify(image));
    expect(new Set(alone.map((answer) => JSON.stringify(answer))).size).toBe(images.length);
    expect(await classify(images)).toEqual(alone);
    expect(await Promise.all(images.map((image) => classify(image)))).toEqual(alone);
    expect(await classify([])).toEqual([]);
  });

  it("gives the vector before its classifier, from which the scores follow", async () => {
    using classify = await loadModel(file);
    const features = await classify.features(pixels(4));
    const { data } = pixels(4);
    expect(features.length).toBe(32);
    expect(await classify.features({ data, width: SIZE, height: SIZE })).toEqual(features);
    expect(await classify.features(pixels(5))).not.toEqual(features);
  });

  it("says what it is", async () => {
    using classify = await loadModel(file, { threads: 2, backend: "wasm" });
    expect(classify.facts).toMatchObject({ network: { name: "rbnet8", width: 0.5 }, classes: CLASSES, size: SIZE });
    expect(classify.facts.backend).toMatch(/^wasm, .*, 2 threads$/);
  });

  it("gives the same answers to the bit on any number of threads", async () => {
    using alone = await loadModel(file, { backend: "wasm" });
    using shared = await loadModel(file, { backend: "wasm", threads: 3 });
    for (const seed of [1, 2, 3]) expect(await shared.features(pixels(seed))).toEqual(await alone.features(pixels(seed)));
  });

  it("says what is wrong with an image, and goes on with the next", async () => {
    using classify = await loadModel(file);
    expect(await refusal(classify(Buffer.from("no image")))).toMatch(/not an image/);
    expect(await refusal(classify({ data: new Uint8Array(5), width: 2, height: 2 }))).toMatch(/needs 1, 3 or 4/);
    expect((await classify(pixels(1))).length).toBe(CLASSES.length);
  });
});
