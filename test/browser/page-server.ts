/**
 * Serves the built code and a page's files on loopback, under a content security policy that allows the page's own scripts and
 * the compilation of WebAssembly and nothing else.
 */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; img-src " +
  "'self' blob:; base-uri 'none'; form-action 'none'";
const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript", ".png": "image/png" };

export interface PageServer extends AsyncDisposable {
  readonly address: string;
}

/** `files`: what is served beside dist, by path. `isolated`: with the headers that give a page threads. */
export async function servePage(files: Readonly<Record<string, string | Uint8Array>>, isolated: boolean): Promise<PageServer> {
  const server: Server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    response.setHeader("Content-Security-Policy", POLICY);
    response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    try {
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
