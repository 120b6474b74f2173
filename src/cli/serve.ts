/** `rbnet serve`: a model's page on this machine, and an address that programs send images to. */
import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import { type Command, InvalidArgumentError } from "commander";
import { OUTLINES } from "../data/shapes/shape-outlines.js";
import { loadModel } from "../deploy/load-model.js";
import { readModelBytes } from "../deploy/model-file.js";
import { UserError } from "../errors.js";
import { networkTitle } from "../networks/description.js";
import { summarizeOperations, totalsOf } from "../networks/summary.js";
import { packageVersion } from "../package-version.js";
import { formatBytes, formatCount } from "../quantities.js";
import { decodeModel } from "../runtime/model.js";
import { type AppOptions, CONCURRENT, createApp } from "../serve/app.js";
import { addBackendFlags, type BackendFlags, readPositive, readWholeNumber } from "./flags.js";
import { bold, print, printJson, tell } from "./output.js";

const PORT = 8421;
/** What a loopback server may be called by. */
const LOOPBACK = ["127.0.0.1", "localhost", "::1"];

/** How long running requests may take to finish when the server is told to end, in milliseconds. */
const GRACE_MS = 10_000;

interface ServeFlags extends BackendFlags {
  readonly port: number;
  readonly host: string;
  readonly allowHost?: readonly string[];
  readonly cors?: readonly string[];
  readonly concurrent: number;
  readonly basePath: string;
  readonly trustProxy?: boolean;
  readonly log?: boolean;
}

export function addServe(program: Command): void {
  const command = program
    .command("serve")
    .description("show a page on which a model answers pictures, the camera and drawings; programs POST images to /classify")
    .argument("<model>", "model file that `rbnet train` or `rbnet export` wrote, or the name of one that comes with rbnet")
    .option("--port <n>", "0 for any that is free", readPort, PORT)
    .option("--host <address>", "0.0.0.0 for all of this machine's", "127.0.0.1")
    .option("--allow-host <name...>", "further names that the server may be called by; a loopback one answers to no other")
    .option("--cors <origin...>", "pages elsewhere that may ask, such as https://example.org; * for any")
    .option(
      "--concurrent <n>",
      "requests with images that may be under way at once; others are told to come again",
      readPositive,
      CONCURRENT,
    )
    .option("--base-path <path>", "below which all addresses are, where a proxy passes it on: /models", readBasePath, "")
    .option("--trust-proxy", "take the name called and the client's address from the proxy's X-Forwarded-Host and -For")
    .option("--log", "one JSON object a request on standard output");
  addBackendFlags(command, 1)
    .addHelpText(
      "after",
      "\nThe page's network runs in the browser. Programs ask the server, as /openapi.json describes; /healthz says " +
        "that it is up:\n" +
        `  curl --data-binary @cat.jpg http://127.0.0.1:${PORT}/classify?top=3\n` +
        `  curl --form image=@cat.jpg --form image=@dog.jpg http://127.0.0.1:${PORT}/classify\n\n` +
        "Example:\n  rbnet serve photos.safetensors",
    )
    .action(serveModel);
}

function readPort(text: string): number {
  const port = readWholeNumber(text);
  if (port > 65_535) throw new InvalidArgumentError("At most 65535 is possible.");
  return port;
}

/** Without a slash at the end. */
function readBasePath(text: string): string {
  const path = text.replace(/\/+$/, "");
  if (path !== "" && !/^(\/[\w.~-]+)+$/.test(path))
    throw new InvalidArgumentError("A path is expected, such as /models: letters, digits, dots and dashes after each slash.");
  return path;
}

/** Returns when the server is stopped. */
async function serveModel(path: string, flags: ServeFlags): Promise<void> {
  const { port, host, threads, backend } = flags;
  const bytes = await readModelBytes(path);
  const { network, classes, size, operations } = decodeModel(bytes, path);
  using classify = await loadModel(bytes, { threads, backend });
  const totals = totalsOf(summarizeOperations(operations, { height: size, width: size, channels: 3 }));
  const facts = {
    name: networkTitle(network),
    classes,
    size,
    fileSize: formatBytes(bytes.length),
    ops: formatCount(totals.ops),
    drawable: classes.length === OUTLINES.length && OUTLINES.every(({ name }) => classes.includes(name)),
  };
  const app = createApp({ bytes, classify, facts, version: packageVersion() }, appOptions(flags));
  const server = await listen(app.fetch, port, host);
  const { port: actual } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host === "0.0.0.0" ? "localhost" : host;
  // With --log, standard output is the log's.
  (flags.log === true ? tell : print)(`${bold(facts.name)} on http://${name}:${actual}${flags.basePath}/ (Ctrl-C ends)`);
  await untilEnded(server);
}

function appOptions({
  host,
  allowHost = [],
  cors: origins = [],
  concurrent,
  basePath,
  trustProxy = false,
  log,
}: ServeFlags): AppOptions {
  for (const origin of origins)
    if (origin !== "*" && originOf(origin) !== origin)
      throw new UserError(
        `--cors ${origin} is no origin; give the start of a page's address alone, such as https://example.org, or *`,
      );
  return {
    ...(LOOPBACK.includes(host) || allowHost.length > 0 ? { hosts: [...LOOPBACK, ...allowHost] } : {}),
    origins,
    concurrent,
    basePath,
    trustProxy,
    ...(log === true ? { log: printJson } : {}),
  };
}

function originOf(address: string): string | undefined {
  try {
    return new URL(address).origin;
  } catch {
    return undefined;
  }
}

/**
 * Returns when a signal has ended the server: no new connections from then on, and those that wait for an answer still get it, but not for
 * ever.
 */
function untilEnded(server: ServerType): Promise<void> {
  return new Promise((done) => {
    const cut = (): void => {
      if ("closeAllConnections" in server) server.closeAllConnections();
    };
    let ending = false;
    const end = (): void => {
      // Asked twice, it does not wait.
      if (ending) cut();
      ending = true;
      server.close(() => done());
      if ("closeIdleConnections" in server) server.closeIdleConnections();
      setTimeout(cut, GRACE_MS).unref();
    };
    process.on("SIGINT", end).on("SIGTERM", end);
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
