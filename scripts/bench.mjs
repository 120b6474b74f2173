/** Builds the package and the benchmarks, then runs `bench/main.ts` with the arguments given. Progress stays off standard output. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Stops here with the step's exit code when a step fails. */
function step(args, stdout) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ["inherit", stdout, "inherit"] });
  if (status !== 0) process.exit(status ?? 1);
}

// A program reads standard output with --json, so what the compilers say goes to standard error.
step(["scripts/build.mjs"], 2);
step(["node_modules/typescript/bin/tsc", "--project", "tsconfig.bench.json"], 2);
step(["dist-bench/main.js", ...process.argv.slice(2)], "inherit");
