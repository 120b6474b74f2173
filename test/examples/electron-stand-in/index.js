/**
 * What the example of Electron uses of it, where its binary cannot be had: a window's address is said on standard output, with what its
 * scheme's handler answers served over HTTP.
 */
import { createServer } from "node:http";

const privileged = [];
const handlers = new Map();

export const protocol = {
  registerSchemesAsPrivileged: (schemes) => privileged.push(...schemes.map(({ scheme }) => scheme)),
  handle: (scheme, handler) => handlers.set(scheme, handler),
};

export const app = { whenReady: async () => {} };

export class BrowserWindow {
  loadURL(address) {
    const { protocol: scheme, host, pathname } = new URL(address);
    const name = scheme.slice(0, -1);
    if (!privileged.includes(name)) throw new Error(`${name} is no scheme that may fetch`);
    const server = createServer(async (request, response) => {
      const answer = await handlers.get(name)(new Request(`${name}://${host}${request.url}`));
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
    server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}${pathname}`));
  }
}
