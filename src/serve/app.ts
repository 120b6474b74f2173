/**
 * What `rbnet serve` answers: the page with its code and the model; `POST /classify`, a health address and an OpenAPI document for
 * programs. A request is data from a stranger: its size is bounded, its address is matched against what there is, and every error is JSON
 * with one sentence.
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import type { NodeImage } from "../deploy/load-model.js";
import { UserError } from "../errors.js";
import type { Classify, Prediction } from "../runtime/classifier.js";
import { picturesOf, readTop } from "./classify-request.js";
import { openApiDocument } from "./openapi.js";
import { type PageFacts, renderPage } from "./page.js";
import { pageCode } from "./page-code.js";
import { PAGE_STYLE } from "./style.js";

/** A photograph of any camera; nothing that would fill memory. */
const BODY_LIMIT = 32 << 20;
/** Requests with pictures that are answered or wait at the same time, unless it is said otherwise. */
export const CONCURRENT = 16;
/** How programs ask. */
const METHODS = { "/classify": "POST", "/healthz": "GET", "/openapi.json": "GET" } as const;
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export interface ServedModel {
  readonly bytes: Uint8Array;
  readonly classify: Classify<NodeImage>;
  readonly facts: PageFacts;
  /** Of rbnet. */
  readonly version: string;
}

export interface AppOptions {
  /**
   * Names by which the server may be called; another is refused, so that a page elsewhere cannot reach it by a name of its own. Undefined
   * for any.
   */
  readonly hosts?: readonly string[];
  /** Origins of pages elsewhere that may ask, or `*` for any; default none. */
  readonly origins?: readonly string[];
  /** Requests to /classify that are answered at once, once their pictures have come; one more is told to come again. Default 16. */
  readonly concurrent?: number;
  /** Path that all addresses are below, such as `/models`; default none. */
  readonly basePath?: string;
  /**
   * Whether a proxy in front says by which name it was called (X-Forwarded-Host) and by whom (X-Forwarded-For). Anybody can write these, so
   * they count where this is told alone.
   */
  readonly trustProxy?: boolean;
  /** Told of every request when it is answered. */
  readonly log?: (entry: AccessEntry) => void;
}

/** One request, for a log. */
export interface AccessEntry {
  /** ISO 8601. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  /** Address that asked, as a trusted proxy says it. */
  readonly client?: string;
  readonly status: number;
  readonly milliseconds: number;
}

type Status = 400 | 403 | 404 | 405 | 413 | 500 | 503;

function refuse(context: Context, status: Status, error: string): Response {
  return context.json({ error }, status);
}

export function createApp({ bytes, classify, facts, version }: ServedModel, options: AppOptions = {}): Hono {
  const { hosts, origins = [], concurrent = CONCURRENT, basePath = "", trustProxy = false, log } = options;
  const whole = new Hono();
  const app = basePath === "" ? whole : whole.basePath(basePath);
  const page = renderPage(facts);
  const code = pageCode();

  if (log !== undefined)
    whole.use(async (context, next) => {
      const start = performance.now();
      await next();
      const { method, path } = context.req;
      const milliseconds = performance.now() - start;
      const client = trustProxy ? forwarded(context, "X-Forwarded-For") : undefined;
      const { status } = context.res;
      log({ time: new Date().toISOString(), method, path, ...(client === undefined ? {} : { client }), status, milliseconds });
    });
  whole.use(async (context, next) => {
    const named = trustProxy ? forwarded(context, "X-Forwarded-Host") : undefined;
    const host = hostOf(named, context.req.url);
    if (hosts !== undefined && !hosts.includes(host))
      return refuse(
        context,
        403,
        `this server does not answer to the name ${host}; call it by ${hosts.join(" or ")}, or start it with --allow-host ${host}`,
      );
    await next();
    context.header("Content-Security-Policy", POLICY);
    context.header("X-Content-Type-Options", "nosniff");
    context.header("Referrer-Policy", "no-referrer");
    // Threads need a page that shares its process with no other.
    context.header("Cross-Origin-Opener-Policy", "same-origin");
    context.header("Cross-Origin-Embedder-Policy", "require-corp");
    return undefined;
  });

  if (origins.length > 0)
    for (const path of Object.keys(METHODS))
      app.use(path, cors({ origin: origins.includes("*") ? "*" : [...origins], allowMethods: ["GET", "POST"] }));

  // A page and its code stay in a browser's cache, which asks each time whether they are still the same.
  for (const path of ["/", "/style.css", "/model.safetensors", "/code/*"]) whole.use(`${basePath}${path}`, revalidated, etag());
  whole.get(`${basePath}/`, (context) => context.html(page));
  // Addresses in the page are relative, so it has to be opened with the slash.
  if (basePath !== "") whole.get(basePath, (context) => context.redirect(`${basePath}/`));
  app.get("/style.css", (context) => context.body(PAGE_STYLE, 200, { "Content-Type": "text/css; charset=utf-8" }));
  app.get("/model.safetensors", (context) =>
    context.body(Uint8Array.from(bytes), 200, { "Content-Type": "application/octet-stream" }),
  );
  app.get("/code/*", (context) => {
    const text = code.get(context.req.path.slice(`${basePath}/code/`.length));
    if (text === undefined) return refuse(context, 404, `there is no ${context.req.path} here`);
    return context.body(text, 200, { "Content-Type": "text/javascript; charset=utf-8" });
  });
  const limit = bodyLimit({
    maxSize: BODY_LIMIT,
    onError: (context) => refuse(context, 413, `an image may have at most ${BODY_LIMIT >> 20} MB; send a smaller one`),
  });
  const counted = concurrencyLimit(concurrent);
  app.post("/classify", limit, async (context) => {
    const top = readTop(context.req.query("top"));
    const pictures = await picturesOf(context);
    // Counted from here: who sends slowly, or nothing more, keeps nobody from an answer.
    return counted(context, async () => {
      const start = performance.now();
      if (pictures.kind === "one") {
        const predictions = await classify(pictures.picture, { top });
        return context.json({ predictions, milliseconds: performance.now() - start });
      }
      const results: Result[] = [];
      for (const { name, bytes: picture } of pictures.pictures) results.push({ name, ...(await tried(classify, picture, top)) });
      return context.json({ results, milliseconds: performance.now() - start });
    });
  });
  const { length: classes } = facts.classes;
  app.get("/healthz", (context) => context.json({ status: "ok", model: facts.name, classes, version: version }));
  app.get("/openapi.json", (context) => context.json(openApiDocument(version)));
  for (const [path, method] of Object.entries(METHODS))
    app.all(path, (context) => {
      context.header("Allow", method);
      return refuse(context, 405, `${path} is asked by ${method}, not by ${context.req.method}`);
    });
  whole.notFound((context) =>
    refuse(context, 404, `there is no ${context.req.path} here; open ${basePath}/ or POST an image to ${basePath}/classify`),
  );
  whole.onError((error, context) => {
    if (error instanceof UserError) return refuse(context, 400, error.message);
    console.error(error);
    return refuse(context, 500, "this is a fault of rbnet, please report it");
  });
  return whole;
}

const revalidated: MiddlewareHandler = async (context, next) => {
  await next();
  context.header("Cache-Control", "no-cache");
};

/** The first of a header's list, which is what the outermost proxy has seen. */
function forwarded(context: Context, header: string): string | undefined {
  return context.req.header(header)?.split(",")[0]?.trim();
}

/** Without port and brackets; of `named` where a proxy says it. */
function hostOf(named: string | undefined, url: string): string {
  const { hostname } = new URL(named !== undefined && URL.canParse(`http://${named}`) ? `http://${named}` : url);
  return hostname.replace(/^\[|\]$/g, "");
}

/** Answers so many requests at once; pictures of more would fill memory while they wait. */
function concurrencyLimit(most: number): (context: Context, answer: () => Promise<Response>) => Promise<Response> {
  let running = 0;
  return async (context, answer) => {
    if (running >= most) {
      context.header("Retry-After", "1");
      return refuse(context, 503, `${most} requests are being answered already; try again in a moment`);
    }
    running++;
    try {
      return await answer();
    } finally {
      running--;
    }
  };
}

type Result = { readonly name: string } & ({ readonly predictions: readonly Prediction[] } | { readonly error: string });

/** A picture of several that cannot be read does not keep the others from their answers. */
async function tried(classify: Classify<NodeImage>, picture: Uint8Array, top: number) {
  try {
    return { predictions: await classify(picture, { top }) };
  } catch (error) {
    if (error instanceof UserError) return { error: error.message };
    throw error;
  }
}
