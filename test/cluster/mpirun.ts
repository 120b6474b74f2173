/** Starts the built command under the launchers of this machine, and finds the processes that they start. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Outcome } from "../cli/command.js";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** In the environment of all processes of a job, to tell them from those of others. */
const MARK = "RBNET_TEST_JOB";

export interface Launcher {
  readonly name: string;
  readonly command: string;
  /** Root, and more ranks than cores, are as good as any for a test. */
  readonly flags: readonly string[];
}

const OPEN_MPI = { name: "Open MPI", command: "mpirun.openmpi", flags: ["--allow-run-as-root", "--oversubscribe"] };
const MPICH = { name: "MPICH", command: "mpirun.mpich", flags: [] };

/** Those that are installed, by the names that Debian gives them. */
export const LAUNCHERS: readonly Launcher[] = [OPEN_MPI, MPICH].filter(
  ({ command }) => spawnSync(command, ["--version"]).status === 0,
);

export interface RunningJob {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** The process of a rank. */
  processOf(rank: number): number;
  /** Resolves once `pattern` is on standard output. */
  said(pattern: RegExp): Promise<void>;
}

/** `groups`: ranks, and what they run. */
export function startJob(
  { command, flags }: Launcher,
  groups: readonly (readonly [ranks: number, words: readonly string[]])[],
  folder: string,
): RunningJob {
  const mark = `${process.pid}-${Math.random()}`;
  const words = groups.flatMap(([ranks, own], index) => [
    ...(index === 0 ? [] : [":"]),
    "-np",
    String(ranks),
    process.execPath,
    MAIN,
    ...own,
  ]);
  const child = spawn(command, [...flags, ...words], { cwd: folder, env: { ...process.env, NO_COLOR: "", [MARK]: mark } });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (part: string) => {
      text[name] += part;
    });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...text }));
  });
  return {
    child,
    outcome,
    processOf: (rank) => processWith(`${MARK}=${mark}`, rank),
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(text.stdout)) resolve();
        };
        child.stdout.on("data", look);
        child.on("close", () => reject(new Error(`ended without saying ${pattern}: ${text.stdout}${text.stderr}`)));
        look();
      }),
  };
}

export function runJob(launcher: Launcher, ranks: number, words: readonly string[], folder: string): Promise<Outcome> {
  return startJob(launcher, [[ranks, words]], folder).outcome;
}

function processWith(mark: string, rank: number): number {
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const environment = readFileSync(`/proc/${name}/environ`, "latin1").split("\0");
      const isRank = environment.includes(`OMPI_COMM_WORLD_RANK=${rank}`) || environment.includes(`PMI_RANK=${rank}`);
      if (environment.includes(mark) && isRank) return Number(name);
    } catch {
      // It has ended meanwhile, or is somebody else's.
    }
  }
  throw new Error(`no process of the job is rank ${rank}`);
}
