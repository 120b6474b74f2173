#!/usr/bin/env node
/** The `rbnet` command. It is here before anything is built, so that `npx rbnet` finds it in a fresh clone and says what is missing. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  const root = fileURLToPath(new URL("..", import.meta.url));
  process.stderr.write(`rbnet: this copy of rbnet is not built yet; run \`npm install && npm run build\` in ${root} first\n`);
  process.exitCode = 2;
}
