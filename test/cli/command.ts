/** Runs the built command as a person's shell does. */
import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

/** Starts `rbnet` with these words; its streams are pipes, hence no terminal. */
export function start(words: readonly string[], folder = tmpdir()): Running {
  const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder, env: { ...process.env, NO_COLOR: "" } });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (part: string) => {
      text[name] += part;
    });
  }
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...text }));
  });
  return { child, outcome };
}

export function rbnet(words: readonly string[], folder?: string): Promise<Outcome> {
  return start(words, folder).outcome;
}

/** Resolves once the program has written `pattern` to a stream. */
export function said({ child }: Running, stream: "stdout" | "stderr", pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    child[stream]?.on("data", (part: string) => {
      text += part;
      if (pattern.test(text)) resolve();
    });
    child.on("close", () => reject(new Error(`ended without saying ${pattern}: ${text}`)));
  });
}

/** Objects of standard output; throws where a line is no JSON. */
export function jsonLines({ stdout }: Outcome): readonly Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
