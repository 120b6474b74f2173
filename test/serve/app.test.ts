/** What the server answers to good requests and to bad ones. */
import type { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AccessEntry, createApp, type ServedModel } from "#rbnet/serve/app";
import { picture, served } from "./served.js";

const HOST = "http://localhost";
const JSON_TYPE = { "Content-Type": "application/json" };
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

  it("answers base64 in JSON, a data: address too, as the bytes", async () => {
    const image = await picture(4);
    const expected = await model.classify(image);
    for (const text of [image.toString("base64"), `data:image/png;base64,${image.toString("base64")}`]) {
      const { predictions } = (await (await post(JSON.stringify({ image: text }), JSON_TYPE)).json()) as { predictions: unknown };
      expect(predictions).toEqual(expected);
    }
  });

  it("answers several images one by one, and names what is wrong with one of them", async () => {
    const [first, second] = [await picture(5), await picture(6)];
    const form = new FormData();
    form.append("image", new File([new Uint8Array(first)], "first.png"));
    form.append("image", new File([new Uint8Array(second).subarray(0, 700)], "half.png"));
    form.append("image", new File([new Uint8Array(second)], "second.png"));
    const answered = await post(form, {}, "?top=3");
    expect(answered.status).toBe(200);
    const { results } = (await answered.json()) as { results: unknown };
    expect(results).toEqual([
      { name: "first.png", predictions: await model.classify(first, { top: 3 }) },
      { name: "half.png", error: expect.stringMatching(/truncated or damaged/) },
      { name: "second.png", predictions: await model.classify(second, { top: 3 }) },
    ]);
    const body = JSON.stringify({ images: [second.toString("base64")] });
    const listed = (await (await post(body, JSON_TYPE)).json()) as { results: unknown };
    expect(listed.results).toEqual([{ name: "1", predictions: await model.classify(second) }]);
  });

  it("tells a client to come again where too many are under way, and lets others in afterwards", async () => {
    const small = createApp(model, { concurrent: 1 });
    const body = new Uint8Array(await picture(7));
    const ask = async () => small.request("/classify", { method: "POST", body });
    const answers = await Promise.all([ask(), ask()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 503]);
    const busy = answers.find(({ status }) => status === 503);
    expect(busy?.headers.get("Retry-After")).toBe("1");
    expect(await busy?.json()).toEqual({ error: expect.stringContaining("try again in a moment") });
    expect((await ask()).status).toBe(200);
  });

  it("counts nobody who has not sent all of a picture yet", async () => {
    const small = createApp(model, { concurrent: 1 });
    const endless = new ReadableStream<Uint8Array>({ start: (sender) => sender.enqueue(Uint8Array.of(0xff, 0xd8)) });
    const slow = { method: "POST", body: endless, duplex: "half" } as RequestInit;
    void Promise.resolve(small.request("/classify", slow));
    const body = new Uint8Array(await picture(7));
    expect((await small.request("/classify", { method: "POST", body })).status).toBe(200);
  });

  const bad: readonly (readonly [string, () => Promise<Response>, number, RegExp])[] = [
    ["no image", () => post("hello"), 400, /not an image/],
    ["nothing", () => post(""), 400, /no body; send the bytes of an image/],
    ["half an image", async () => post(new Uint8Array(await picture(3)).subarray(0, 900)), 400, /truncated or damaged/],
    ["a form without a file", () => post(new URLSearchParams({ a: "b" })), 400, /not an image/],
    ["a broken form", () => post("x", { "Content-Type": "multipart/form-data" }), 400, /the form cannot be read/],
    ["a body that is too large", () => post(new Uint8Array((32 << 20) + 1)), 413, /at most 32 MB/],
    ["no number of labels", async () => post(new Uint8Array(await picture(1)), {}, "?top=x"), 400, /top is x/],
    ["none of the labels", async () => post(new Uint8Array(await picture(1)), {}, "?top=0"), 400, /top is 0/],
    ["an empty number of labels", async () => post(new Uint8Array(await picture(1)), {}, "?top="), 400, /top is , but/],
    ["GET", async () => app.request(`${HOST}/classify`), 405, /by POST/],
    ["text that is no JSON", () => post("{", JSON_TYPE), 400, /cannot be read as such/],
    ["JSON without an image", () => post(`{"picture": "AAAA"}`, JSON_TYPE), 400, /is expected to be \{"image"/],
    ["an empty list", () => post(`{"images": []}`, JSON_TYPE), 400, /is expected to be/],
    ["text that is no base64", () => post(`{"images": ["AAAA", "no base64!"]}`, JSON_TYPE), 400, /images\[1\] is not base64/],
    ["too many images", () => post(JSON.stringify({ images: Array(257).fill("AAAA") }), JSON_TYPE), 400, /257 images, and 256/],
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

  it("has every module that its own import, the thread's too", async () => {
    const seen = new Set(["page/app.js"]);
    for (const path of seen) {
      const response = await app.request(`${HOST}/code/${path}`);
      expect([path, response.status]).toEqual([path, 200]);
      for (const [, target] of (await response.text()).matchAll(/"(\.[^"]+\.js)"/g))
        seen.add(new URL(target!, `${HOST}/${path}`).pathname.slice(1));
    }
    expect([...seen]).toEqual(expect.arrayContaining(["errors.js", "backend/wasm/web-thread.js", "runtime/network.js"]));
  });

  it.each([
    "/code/backend/wasm/backend.js",
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

describe("what programs and their operators need", () => {
  it("says that it is up, with what", async () => {
    const response = await app.request(`${HOST}/healthz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: "ok", model: "rbnet8", classes: 10, version: "1.2.3" });
    const posted = await app.request(`${HOST}/healthz`, { method: "POST" });
    expect([posted.status, posted.headers.get("Allow")]).toEqual([405, "GET"]);
  });

  it("describes itself, and only addresses that there are", async () => {
    const document = (await (await app.request(`${HOST}/openapi.json`)).json()) as { openapi: string; paths: object };
    expect(document.openapi).toBe("3.1.0");
    for (const path of Object.keys(document.paths)) expect((await app.request(`${HOST}${path}`)).status).not.toBe(404);
  });

  it("lets pages of the named origins ask, and no others", async () => {
    const open = createApp(model, { hosts: ["localhost"], origins: ["https://example.org"] });
    const asked = (origin: string, target = open) =>
      target.request(`${HOST}/classify`, {
        method: "OPTIONS",
        headers: { Origin: origin, "Access-Control-Request-Method": "POST" },
      });
    const allowed = async (response: Response | Promise<Response>): Promise<string | null> =>
      (await response).headers.get("Access-Control-Allow-Origin");
    expect(await allowed(asked("https://example.org"))).toBe("https://example.org");
    expect(await allowed(asked("https://evil.example"))).toBeNull();
    expect(await allowed(asked("https://example.org", app))).toBeNull();
    const any = createApp(model, { origins: ["*"] });
    expect(await allowed(any.request(`${HOST}/healthz`, { headers: { Origin: "https://a.example" } }))).toBe("*");
  });

  it("tells a log of every request, with what came of it", async () => {
    const entries: AccessEntry[] = [];
    const logged = createApp(model, { hosts: ["localhost"], log: (entry) => entries.push(entry) });
    await logged.request(`${HOST}/healthz`);
    await logged.request(`${HOST}/classify?top=1`, { method: "POST", body: "hello" });
    await logged.request("http://evil.example/");
    expect(entries.map(({ method, path, status }) => [method, path, status])).toEqual([
      ["GET", "/healthz", 200],
      ["POST", "/classify", 400],
      ["GET", "/", 403],
    ]);
    expect(new Date(entries[0]?.time ?? "").getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it("lives below a path, where it is told so, and nowhere else", async () => {
    const below = createApp(model, { hosts: ["localhost"], basePath: "/models" });
    const status = async (path: string): Promise<number> => (await below.request(`${HOST}${path}`)).status;
    expect((await below.request(`${HOST}/models`)).headers.get("Location")).toBe("/models/");
    for (const path of [
      "/models/",
      "/models/style.css",
      "/models/code/page/app.js",
      "/models/model.safetensors",
      "/models/healthz",
    ])
      expect([path, await status(path)]).toEqual([path, 200]);
    for (const path of ["/", "/healthz", "/code/page/app.js"]) expect([path, await status(path)]).toEqual([path, 404]);
    const answer = await below.request(`${HOST}/models/classify`, { method: "POST", body: new Uint8Array(await picture(1)) });
    expect(answer.status).toBe(200);
    expect(await (await below.request(`${HOST}/nothing`)).json()).toEqual({
      error: expect.stringContaining("open /models/ or POST"),
    });
  });

  it("has a page whose addresses are relative, so that a proxy may put any path before them", async () => {
    const page = await (await app.request(`${HOST}/`)).text();
    const addresses = [...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, address]) => address);
    expect(addresses.length).toBeGreaterThan(2);
    for (const address of addresses) expect(address).not.toMatch(/^\/|^https?:/);
    expect(await (await app.request(`${HOST}/code/page/app.js`)).text()).not.toMatch(/["'`]\/[a-z]/);
  });

  it("does not send again what a browser has", async () => {
    for (const path of ["/", "/model.safetensors", "/code/page/app.js"]) {
      const first = await app.request(`${HOST}${path}`);
      expect(first.headers.get("Cache-Control")).toBe("no-cache");
      const tag = first.headers.get("ETag") ?? "";
      const again = await app.request(`${HOST}${path}`, { headers: { "If-None-Match": tag } });
      expect([path, again.status, (await again.arrayBuffer()).byteLength]).toEqual([path, 304, 0]);
      const other = await app.request(`${HOST}${path}`, { headers: { "If-None-Match": '"other"' } });
      expect(other.status).toBe(200);
    }
  });

  it("believes a proxy's headers only where it is told to", async () => {
    const entries: AccessEntry[] = [];
    const headers = { "X-Forwarded-Host": "example.org, inner", "X-Forwarded-For": "192.0.2.7, 10.0.0.1" };
    const options = { hosts: ["localhost", "example.org"], log: (entry: AccessEntry) => entries.push(entry) };
    const trusting = createApp(model, { ...options, trustProxy: true });
    expect((await trusting.request("http://inner/healthz", { headers })).status).toBe(200);
    expect(
      (await trusting.request(`${HOST}/healthz`, { headers: { ...headers, "X-Forwarded-Host": "evil.example" } })).status,
    ).toBe(403);
    expect((await createApp(model, options).request("http://inner/healthz", { headers })).status).toBe(403);
    expect(entries.map(({ client }) => client)).toEqual(["192.0.2.7", "192.0.2.7", undefined]);
  });
});
