/**
 * What `rbnet serve` answers: the page with its code and the model, and `POST /classify` for programs. A request is data from a stranger: its size is
 * bounded, its address is matched against what there is, and every error is JSON with one sentence.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { NodeImage } from "../deploy/load-model.js";
import { UserError } from "../errors.js";
import type { Classify } from "../runtime/classifier.js";
import { type PageFacts, renderPage } from "./page.js";
import { PAGE_STYLE } from "./style.js";

/** A photograph of any camera; nothing that would fill memory. */
const BODY_LIMIT = 32 << 20;
const TOP = 5;
/** The compiled modules that the page loads, and no other file. */
const CODE = /^(?:(?:page|browser|pixels|runtime|backend\/wasm)\/[a-z0-9-]+|errors|tensor)\.js$/;
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const compiled = fileURLToPath(new URL("../", import.meta.url));

export interface ServedModel {
  readonly bytes: Uint8Array;
  readonly classify: Classify<NodeImage>;
  readonly facts: PageFacts;
}

export interface AppOptions {
  /** Names by which the server may be called; another is refused, so that a page elsewhere cannot reach it by a name of its own. Undefined for any. */
  readonly hosts?: readonly string[];
}

type Status = 400 | 403 | 404 | 405 | 413 | 500;

function refuse(context: Context, status: Status, error: string): Response {
  return context.json({ error }, status);
}

export function createApp({ bytes, classify, facts }: ServedModel, { hosts }: AppOptions = {}): Hono {
  const app = new Hono();
  const page = renderPage(facts);

  app.use(async (context, next) => {
    const host = new URL(context.req.url).hostname.replace(/^\[|\]$/g, "");
    if (hosts !== undefined && !hosts.includes(host))
      return refuse(context, 403, `this server does not answer to the name ${host}; call it by ${hosts.join(" or ")}`);
    await next();
    context.header("Content-Security-Policy", POLICY);
    context.header("X-Content-Type-Options", "nosniff");
    context.header("Referrer-Policy", "no-referrer");
    // Threads need a page that shares its process with no other.
    context.header("Cross-Origin-Opener-Policy", "same-origin");
    context.header("Cross-Origin-Embedder-Policy", "require-corp");
    return undefined;
  });

  app.get("/", (context) => context.html(page));
  app.get("/style.css", (context) => context.body(PAGE_STYLE, 200, { "Content-Type": "text/css; charset=utf-8" }));
  app.get("/model.safetensors", (context) =>
    context.body(Uint8Array.from(bytes), 200, { "Content-Type": "application/octet-stream" }),
  );
  app.get("/code/*", async (context) => {
    const path = context.req.path.slice("/code/".length);
    if (!CODE.test(path)) return refuse(context, 404, `there is no ${context.req.path} here`);
    try {
      const text = await readFile(`${compiled}${path}`, "utf8");
      return context.body(text, 200, { "Content-Type": "text/javascript; charset=utf-8" });
    } catch {
      return refuse(context, 404, `there is no ${context.req.path} here`);
    }
  });
  const limit = bodyLimit({
    maxSize: BODY_LIMIT,
    onError: (context) => refuse(context, 413, `an image may have at most ${BODY_LIMIT >> 20} MB; send a smaller one`),
  });
  app.post("/classify", limit, async (context) => {
    const top = readTop(context.req.query("top"));
    const image = await imageOf(context);
    const start = performance.now();
    const predictions = await classify(image, { top });
    return context.json({ predictions, milliseconds: performance.now() - start });
  });
  app.all("/classify", (context) => {
    context.header("Allow", "POST");
    return refuse(context, 405, "images are sent to /classify by POST");
  });
  app.notFound((context) => refuse(context, 404, `there is no ${context.req.path} here; open / or POST an image to /classify`));
  app.onError((error, context) => {
    if (error instanceof UserError) return refuse(context, 400, error.message);
    console.error(error);
    return refuse(context, 500, "this is a fault of rbnet, please report it");
  });
  return app;
}

function readTop(text: string | undefined): number {
  const top = text === undefined ? TOP : Number(text);
  if (!Number.isInteger(top) || top < 1) throw new UserError(`top is ${String(text)}, but has to be a whole number from 1`);
  return top;
}

/** The image of a request: its body, or the first file of a form. */
async function imageOf(context: Context): Promise<Uint8Array> {
  const type = context.req.header("Content-Type") ?? "";
  if (type.startsWith("multipart/form-data")) {
    const form = await context.req.formData().catch(() => {
      throw new UserError("the form cannot be read; send the image as the body, or as a file of a multipart form");
    });
    for (const value of form.values()) if (value instanceof File) return new Uint8Array(await value.arrayBuffer());
    throw new UserError("the form holds no file; send the image as the body, or as a file of the form");
  }
  const body = new Uint8Array(await context.req.arrayBuffer());
  if (body.length === 0) throw new UserError("the request has no body; send the bytes of an image");
  return body;
}
