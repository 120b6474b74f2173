/** The Python with PyTorch that the benchmarks' peers run in; undefined where there is none, and its tests are skipped. */
import { spawnSync } from "node:child_process";
import { peerPython } from "../../bench/peer-python.js";

function findTorch(): string | undefined {
  const found = peerPython(process.env);
  // To import PyTorch takes seconds.
  const needed =
    "import sys; from importlib.util import find_spec as find; sys.exit(not (find('torch') and find('safetensors')))";
  if (found !== undefined && spawnSync(found, ["-c", needed]).status === 0) return found;
  console.warn("there is no Python with PyTorch and safetensors (bench/peers/setup.sh): tests of the integration are skipped");
  return undefined;
}

export const torchPython = findTorch();

/** Runs a program of Python; what it printed. Throws what it complained of. */
export function runPython(words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(torchPython ?? "python3", ["-B", ...words], {
    encoding: "utf8",
    env: { ...process.env, OMP_NUM_THREADS: "1" },
  });
  if (status !== 0) throw new Error(`${words[0]} ended with ${status}: ${stderr}`);
  return stdout;
}
