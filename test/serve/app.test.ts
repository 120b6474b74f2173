/** What the server answers to good requests and to bad ones. */
import type { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp, type ServedModel } from "#rbnet/serve/app";
import { picture, served } from "./served.js";

const HOST = "http://localhost";
let model: ServedModel;
let app: Hono;

beforeAll(async () => {
  model = await served();
  app = createApp(model, { hosts: ["localhost"] });
});
afterAll(() => model.classify.dispose());

const post = (body: BodyInit, headers: Record<string, string> = {}, query = ""): Promise<Response> =>
  Promise.resolve(app.request(`${HOST}/classify${query}`, { method: "POST", body, headers }));

describe("POST /classify", () => {
  it("answers the bytes of an image as the model does, and as many labels as are asked for", async () => {
    const image = await picture(1);
    const expected = await model.classify(image, { top: 10 });
    const response = await post(new Uint8Array(image));
    const answer = (await response.json()) as { predictions: unknown; milliseconds: number };
    expect(response.status).toBe(200);
    expect(answer.predictions).toEqual(expected.slice(0, 5));
    expect(answer.milliseconds).toBeGreaterThan(0);
    const short = (await (await post(new Uint8Array(image), {}, "?top=2")).json()) as { predictions: unknown };
    expect(short.predictions).toEqual(expected.slice(0, 2));
  });

  it("answers a file of a form", async () => {
    const image = await picture(2);
    const form = new FormData();
    form.set("note", "hello");
    form.set("image", new File([new Uint8Array(image)], "picture.png"));
    const { predictions } = (await (await post(form)).json()) as { predictions: unknown };
    expect(predictions).toEqual(await model.classify(image));
  });

  const bad: readonly (readonly [string, () => Promise<Response>, number, RegExp])[] = [
    ["no image", () => post("hello"), 400, /not an image in a known format/],
    ["nothing", () => post(""), 400, /no body; send the bytes of an image/],
    ["half an image", async () => post(new Uint8Array(await picture(3)).subarray(0, 900)), 400, /truncated or damaged/],
    ["a form without a file", () => post(new URLSearchParams({ a: "b" })), 400, /not an image/],
    ["a broken form", () => post("x", { "Content-Type": "multipart/form-data" }), 400, /the form cannot be read/],
    ["a body that is too large", () => post(new Uint8Array((32 << 20) + 1)), 413, /at most 32 MB/],
    ["no number of labels", async () => post(new Uint8Array(await picture(1)), {}, "?top=x"), 400, /top is x/],
    ["none of the labels", async () => post(new Uint8Array(await picture(1)), {}, "?top=0"), 400, /top is 0/],
    ["GET", async () => app.request(`${HOST}/classify`), 405, /by POST/],
  ];
  it.each(bad)("answers %s with a sentence", async (_what, ask, status, sentence) => {
    const response = await ask();
    expect(response.status).toBe(status);
    const { error } = (await response.json()) as { error: string };
    expect(error).toMatch(sentence);
    expect(error).not.toContain("\n");
  });
});

describe("the page", () => {
  it("comes with a policy that lets nothing in from elsewhere, and with the model as it is", async () => {
    const response = await app.request(`${HOST}/`);
    expect(response.headers.get("Content-Security-Policy")).toMatch(/default-src 'none'; script-src 'self' 'wasm-unsafe-eval'/);
    expect(await response.text()).toContain("rbnet8");
    const file = await app.request(`${HOST}/model.safetensors`);
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(Uint8Array.from(model.bytes));
  });

  it("writes names into the page as text, whatever they are", async () => {
    const name = `</script><script>alert("1")</script>`;
    const hostile = createApp({ ...model, facts: { ...model.facts, name, classes: [name, "b"] } });
    const page = await (await hostile.request(`${HOST}/`)).text();
    expect(page.match(/<script/g)).toHaveLength(2);
  });

  it.each([
    "/code/../../package.json",
    "/code/cli/main.js",
    "/code/page/%2e%2e/cli/main.js",
    "/code/page/missing.js",
    "/etc/passwd",
  ])("has no %s", async (path) => {
    const response = await app.request(`${HOST}${path}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: expect.stringContaining("there is no") });
  });

  it("is not shown under a name that is not this machine's", async () => {
    const response = await app.request("http://evil.example/");
    expect(response.status).toBe(403);
    expect(await response.json()).toEqual({ error: expect.stringContaining("does not answer to the name evil.example") });
  });
});
