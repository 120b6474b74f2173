/** A project as a user has it: an empty folder with rbnet's packed tarball and a tool installed, in which programs run. */
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const MODEL = join(root, "models/rbnet20-cifar10.safetensors");

/** 32 x 32 pixels that every program makes for itself. */
export function pixels() {
  return { data: Uint8Array.from({ length: 3072 }, (_, i) => (i * 7) % 256), width: 32, height: 32 };
}
export const PIXELS = `(${pixels})()`;

export class Project {
  constructor(folder) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  write(files) {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      writeFileSync(join(this.folder, path), text);
    }
    return this;
  }

  /** One of examples/, as it stands. */
  example(name) {
    cpSync(join(root, "examples", name), this.folder, { recursive: true });
    return this;
  }

  model(path) {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    copyFileSync(MODEL, join(this.folder, path));
    return this;
  }

  /** Of what the folder's package.json asks for, `packages` besides, and rbnet from `tarball`. */
  install(tarball, packages = []) {
    const path = join(this.folder, "package.json");
    let manifest = { private: true, type: "module" };
    try {
      manifest = JSON.parse(readFileSync(path, "utf8"));
    } catch {
      // A project without one.
    }
    manifest.dependencies = { ...manifest.dependencies, rbnet: `file:${tarball}` };
    writeFileSync(path, JSON.stringify(manifest));
    this.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", ...packages]);
    return this;
  }

  /** What the program says on standard output; throws with all that it says where it fails. */
  run([program, ...args], { env = {}, seconds = 400 } = {}) {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd: this.folder,
      encoding: "utf8",
      timeout: seconds * 1000,
      env: { ...process.env, CI: "1", NEXT_TELEMETRY_DISABLED: "1", WRANGLER_SEND_METRICS: "false", ...env },
    });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? ""} ${stdout}${stderr}`);
    return stdout;
  }

  /** The version of an installed package. */
  version(name) {
    return JSON.parse(readFileSync(join(this.folder, "node_modules", name, "package.json"), "utf8")).version;
  }

  /** Starts a server and waits until `address` answers; `body` is called with it running. */
  async serving([program, ...args], address, body, env = {}) {
    const server = spawn(program, args, {
      cwd: this.folder,
      stdio: "pipe",
      detached: true,
      env: { ...process.env, CI: "1", ...env },
    });
    let said = "";
    for (const stream of [server.stdout, server.stderr]) stream.on("data", (text) => (said += text));
    try {
      for (let tries = 0; ; tries++) {
        const answers = await fetch(address).then(
          () => true,
          () => false,
        );
        if (answers) break;
        if (tries > 240 || server.exitCode !== null) throw new Error(`${program} ${args.join(" ")} does not answer: ${said}`);
        await new Promise((done) => setTimeout(done, 500));
      }
      return await body();
    } finally {
      // With all that it has started.
      if (server.exitCode === null) process.kill(-server.pid, "SIGKILL");
    }
  }
}

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".css": "text/css",
};

/** Serves a folder, and the model at /model.safetensors; `body` is called with the address and the files that were asked for so far. */
export async function servingFolder(folder, isolated, body) {
  const asked = new Set();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    try {
      const file = pathname === "/model.safetensors" ? MODEL : join(folder, pathname === "/" ? "index.html" : pathname);
      const bytes = readFileSync(file);
      asked.add(file);
      response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  try {
    return await body(`http://127.0.0.1:${server.address().port}`, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
