/** Where the Python peers are: the environment that bench/peers/setup.sh makes, or the one that RBNET_BENCH_PYTHON names. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The Python to run peers with, or undefined where none is installed. */
export function peerPython(environment: NodeJS.ProcessEnv): string | undefined {
  const named = environment.RBNET_BENCH_PYTHON;
  if (named !== undefined) return named;
  const cache = environment.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const installed = join(cache, "rbnet-bench", "venv", "bin", "python");
  return existsSync(installed) ? installed : undefined;
}
