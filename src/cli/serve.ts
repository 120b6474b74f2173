/** `rbnet serve`: a model's page on this machine, and an address that programs send images to. */
import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import { type Command, InvalidArgumentError } from "commander";
import { outlines } from "../data/shapes/shape-outlines.js";
import { loadModel } from "../deploy/load-model.js";
import { readModelBytes } from "../deploy/model-file.js";
import { UserError } from "../errors.js";
import { summarizeOperations, totalsOf } from "../networks/summary.js";
import { formatBytes, formatCount } from "../quantities.js";
import { decodeModel } from "../runtime/model.js";
import { createApp } from "../serve/app.js";
import { addBackendFlags, type BackendFlags, readWholeNumber } from "./flags.js";
import { bold, print } from "./output.js";

const PORT = 8421;
/** What a loopback server may be called by. */
const LOOPBACK = ["127.0.0.1", "localhost", "::1"];

interface ServeFlags extends BackendFlags {
  readonly port: number;
  readonly host: string;
}

export function addServe(program: Command): void {
  const command = program
    .command("serve")
    .description("show a page on which a model answers pictures, the camera and drawings; programs POST images to /classify")
    .argument("<model>", "model file that `rbnet train` or `rbnet export` wrote, or the name of one that comes with rbnet")
    .option("--port <n>", "0 for any that is free", readPort, PORT)
    .option("--host <address>", "0.0.0.0 for all of this machine's", "127.0.0.1");
  addBackendFlags(command, 1)
    .addHelpText(
      "after",
      `\nThe page's network runs in the browser. A program asks the server:\n  curl --data-binary @cat.jpg http://127.0.0.1:${PORT}/classify?top=3\n\nExample:\n  rbnet serve photos.safetensors`,
    )
    .action(serveModel);
}

function readPort(text: string): number {
  const port = readWholeNumber(text);
  if (port > 65_535) throw new InvalidArgumentError("At most 65535 is possible.");
  return port;
}

/** Returns when the server is stopped. */
async function serveModel(path: string, { port, host, threads, backend }: ServeFlags): Promise<void> {
  const bytes = await readModelBytes(path);
  const { network, classes, size, operations } = decodeModel(bytes, path);
  using classify = await loadModel(bytes, { threads, backend });
  const totals = totalsOf(summarizeOperations(operations, { height: size, width: size, channels: 3 }));
  const facts = {
    name: network.width === 1 ? network.name : `${network.name} (width ${network.width})`,
    classes,
    size,
    fileSize: formatBytes(bytes.length),
    ops: formatCount(totals.ops),
    drawable: classes.length === outlines.length && outlines.every(({ name }) => classes.includes(name)),
  };
  const app = createApp({ bytes, classify, facts }, LOOPBACK.includes(host) ? { hosts: LOOPBACK } : {});
  const server = await listen(app.fetch, port, host);
  const { port: actual } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host === "0.0.0.0" ? "localhost" : host;
  print(`${bold(facts.name)} on http://${name}:${actual}/ (Ctrl-C ends)`);
  await new Promise<void>((done) => {
    const end = (): void => {
      server.close(() => done());
      if ("closeAllConnections" in server) server.closeAllConnections();
    };
    process.once("SIGINT", end).once("SIGTERM", end);
  });
}

/** @throws UserError where the address cannot be had */
function listen(fetch: Parameters<typeof serve>[0]["fetch"], port: number, hostname: string): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, port, hostname }, () => resolve(server));
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === "EADDRINUSE"
          ? "another program has it; choose another --port"
          : `${error.code ?? error.message}; choose another --host or --port`;
      reject(new UserError(`cannot listen on ${hostname} port ${port}: ${reason}`, { cause: error }));
    });
  });
}
