/** Serves the built code and a page's files on loopback, under a content security policy. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));
/** The page's own scripts and workers, the compilation of WebAssembly, and nothing else. */
export const STRICT =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; img-src " +
  "'self' blob:; base-uri 'none'; form-action 'none'";
/** The same, with workers of code that comes as text. */
export const USUAL = STRICT.replace("worker-src 'self'", "worker-src 'self' blob:");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".png": "image/png",
};

export interface PageServer extends AsyncDisposable {
  readonly address: string;
}

export interface PageTerms {
  /** With the headers that give a page threads. */
  readonly isolated: boolean;
  /** The content security policy; default `USUAL`. */
  readonly policy?: string;
  /** A path that is not there, whatever dist holds. */
  readonly missing?: string;
}

/** `files`: what is served beside dist, by path. */
export async function servePage(
  files: Readonly<Record<string, string | Uint8Array>>,
  { isolated, policy = USUAL, missing }: PageTerms,
): Promise<PageServer> {
  const server: Server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    response.setHeader("Content-Security-Policy", policy);
    response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    try {
      if (path === missing) throw new Error("missing");
      if (path === "/favicon.ico") response.end();
      else response.end(files[path] ?? (await readFile(`${dist}${path.replace(/^\/dist\//, "")}`)));
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const place = server.address();
  if (place === null || typeof place === "string") throw new Error("the server has no port");
  return {
    address: `http://127.0.0.1:${place.port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
