// The main process. A scheme of its own serves the page: one of file:// may fetch no model, and only an isolated one has threads.
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { app, BrowserWindow, protocol } from "electron";

const folder = fileURLToPath(new URL(".", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript" };

protocol.registerSchemesAsPrivileged([
  { scheme: "app", privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);

async function answer({ url }) {
  const path = join(folder, decodeURIComponent(new URL(url).pathname));
  const body = path.startsWith(folder) ? await readFile(path).catch(() => undefined) : undefined;
  if (body === undefined) return new Response(undefined, { status: 404 });
  const headers = {
    "Content-Type": TYPES[extname(path)] ?? "application/octet-stream",
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
  };
  return new Response(body, { headers });
}

app.whenReady().then(() => {
  protocol.handle("app", answer);
  new BrowserWindow({ width: 640, height: 480 }).loadURL("app://rbnet/index.html");
});
