/**
 * `npm run bench -- cluster`: what training by several processes costs. Steps by ranks on this host; and as root the sum of gradients
 * between two hosts, which are network namespaces with a link of chosen rate, delay and loss, against the model
 *
 *   seconds = alpha + beta * bytes
 *
 * from which follows, on paper, how well a network trains on many machines.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { alignedTable } from "#rbnet/cli/output";
import { UserError } from "#rbnet/errors";
import type { StepTime, SumTime } from "./ours-cluster.js";

const PROGRAM = fileURLToPath(new URL("./ours-cluster.js", import.meta.url));
const MPIRUN = "mpirun.openmpi";
const FLAGS = ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"];
const RANKS = [1, 2, 4, 8];
const PARTS = 8;
const STEPS = 6;
const SIZES = [1, 4, 16, 44].map((megabytes) => megabytes * 2 ** 20);
const ROUNDS = 3;
/** Of one direction: a message's way there and back takes twice the delay. Kernels without netem have the rates alone. */
const LINKS = [
  { gbits: 10, delayMs: 0, loss: 0 },
  { gbits: 1, delayMs: 0, loss: 0 },
  { gbits: 10, delayMs: 0.1, loss: 0 },
  { gbits: 10, delayMs: 1, loss: 0 },
  { gbits: 1, delayMs: 0.1, loss: 0 },
  { gbits: 1, delayMs: 5, loss: 0 },
  { gbits: 1, delayMs: 0.1, loss: 0.1 },
];

export interface ClusterRecord {
  readonly bench: "cluster";
  readonly case: string;
  readonly [name: string]: unknown;
}

/** @throws UserError where Open MPI is not installed */
export function benchCluster(report: (line: string) => void): readonly ClusterRecord[] {
  if (spawnSync(MPIRUN, ["--version"]).status !== 0)
    throw new UserError(`${MPIRUN} is not there; install Open MPI (Debian: openmpi-bin)`);
  const steps = RANKS.map((ranks): ClusterRecord => {
    report(`steps on ${ranks} ranks`);
    const time = measured<StepTime>([MPIRUN, ...FLAGS, "-np", String(ranks)], ["steps", String(STEPS), String(PARTS)]);
    const waiting = 1 - time.busySeconds / time.stepSeconds;
    return { bench: "cluster", case: `rbnet20-batch64-parts${PARTS}-ranks${ranks}`, ...time, waiting };
  });
  if (process.getuid?.() !== 0) {
    report("sums between hosts are left out: namespaces and links take root");
    return steps;
  }
  using hosts = new TwoHosts();
  const sums = LINKS.flatMap((link): ClusterRecord[] => {
    const name = `${link.gbits}gbit-${link.delayMs}ms-loss${link.loss}`;
    report(`sums between two hosts, ${name}`);
    const obstacle = hosts.shape(link);
    if (obstacle !== undefined) {
      report(`left out: ${obstacle}`);
      return [];
    }
    const times = measured<readonly SumTime[]>(hosts.launcher, ["sums", String(ROUNDS), SIZES.join()]);
    return [{ bench: "cluster", case: `sum-${name}`, times, ...fitted(times) }];
  });
  return [...steps, ...sums, ...sums.map(onPaper)];
}

/** What the model says of `rbnet18` at 224 pixels on machines of 16 cores: parameters, and seconds an image (docs/cluster.md). */
const NETWORK_BYTES = 4 * 18.2e6;
const IMAGE_SECONDS = 1 / 260;
const MACHINES = [4, 8, 16, 32, 64];
const IMAGES = 32;

interface PaperShare {
  readonly machines: number;
  readonly share: number;
  readonly imagesForFourFifths: number;
}

/**
 * Share of the time that machines compute, with `IMAGES` images each and nothing of the sum hidden behind the backward pass; and the images
 * a machine from which on it is four fifths. Between two machines half of a sum's bytes travel, between many all; each answers all others.
 */
function onPaper({ case: name, alpha, beta }: ClusterRecord): ClusterRecord {
  const shares = MACHINES.map((machines): PaperShare => {
    const sum = (machines - 1) * Number(alpha) + 2 * (1 - 1 / machines) * Number(beta) * NETWORK_BYTES;
    const compute = IMAGES * IMAGE_SECONDS;
    return { machines, share: compute / (compute + sum), imagesForFourFifths: Math.ceil((4 * sum) / IMAGE_SECONDS) };
  });
  return { bench: "cluster", case: `paper-rbnet18-224-${name}`, shares };
}

export function clusterTable(all: readonly ClusterRecord[]): string {
  const records = all.filter(({ shares }) => shares === undefined);
  const number = (value: unknown, scale = 1, digits = 1): string =>
    typeof value === "number" ? (scale * value).toFixed(digits) : "";
  const rows = records.map((record) => [
    record.case,
    number(record.stepSeconds, 1e3),
    number(record.waiting, 100),
    number(record.bytesSent, 1e-6, 2),
    number(record.alpha, 1e3, 2),
    number(record.beta, 1e9, 2),
    number(record.worst, 100),
  ]);
  const heads = ["case", "ms a step", "waiting %", "MB sent", "alpha ms", "beta ns/byte", "worst of fit %"];
  const paper = all.flatMap(({ case: name, shares }) =>
    ((shares ?? []) as readonly PaperShare[]).map(({ machines, share, imagesForFourFifths }) => [
      name,
      String(machines),
      number(share, 100),
      String(imagesForFourFifths),
    ]),
  );
  const paperHeads = ["case", "machines", "computing %", "images a machine for 80 %"];
  return [...alignedTable([heads, ...rows], 1), "", ...alignedTable([paperHeads, ...paper], 1)].join("\n");
}

/** What rank 0 says of a job. */
function measured<Result>([command = "", ...flags]: readonly string[], words: readonly string[]): Result {
  const { stdout, stderr, status } = spawnSync(command, [...flags, process.execPath, PROGRAM, ...words], {
    encoding: "utf8",
    timeout: 300_000,
  });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr.slice(-500)}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Result;
}

/** Least squares of relative errors: small sums count as much as large ones. */
export function fitted(times: readonly SumTime[]): { readonly alpha: number; readonly beta: number; readonly worst: number } {
  let [w, wx, wxx, wy, wxy] = [0, 0, 0, 0, 0];
  for (const { bytes, seconds } of times) {
    const weight = 1 / seconds ** 2;
    w += weight;
    wx += weight * bytes;
    wxx += weight * bytes * bytes;
    wy += weight * seconds;
    wxy += weight * bytes * seconds;
  }
  const beta = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  const alpha = (wy - beta * wx) / w;
  const worst = Math.max(...times.map(({ bytes, seconds }) => Math.abs((alpha + beta * bytes) / seconds - 1)));
  return { alpha, beta, worst };
}

/** Two namespaces with names and addresses of their own, which the launcher reaches by an agent in the place of ssh. */
class TwoHosts implements Disposable {
  private readonly folder = mkdtempSync(join(tmpdir(), "rbnet-hosts-"));
  private readonly names = ["rbnet-h0", "rbnet-h1"] as const;

  constructor() {
    const [one, other] = this.names;
    for (const name of this.names) command(`ip netns add ${name}`, `ip -n ${name} link set lo up`);
    command(
      `ip link add link0 netns ${one} type veth peer name link0 netns ${other}`,
      `ip -n ${one} addr add 10.99.0.1/24 dev link0`,
      `ip -n ${other} addr add 10.99.0.2/24 dev link0`,
      `ip -n ${one} link set link0 up`,
      `ip -n ${other} link set link0 up`,
    );
    this.script("agent", [
      'while case "$1" in -*) true ;; *) false ;; esac; do shift; done',
      "host=$1; shift",
      enter("$host", '"$*"'),
    ]);
    this.script("first", [`exec ip netns exec ${one} unshare --uts sh -c 'hostname ${one}; exec "$@"' sh "$@"`]);
  }

  get launcher(): readonly string[] {
    // Addresses, for the namespaces know no names.
    const hosts = ["-H", this.names.join(), "--mca", "plm_rsh_agent", join(this.folder, "agent"), "-np", "2"];
    return [join(this.folder, "first"), MPIRUN, ...FLAGS, ...hosts];
  }

  /** Returns why the link cannot be so; undefined where it is. */
  shape({ gbits, delayMs, loss }: (typeof LINKS)[number]): string | undefined {
    const plain = delayMs === 0 && loss === 0;
    const discipline = plain
      ? `tbf rate ${gbits}gbit burst 512kb latency 50ms`
      : `netem rate ${gbits}gbit delay ${delayMs}ms loss ${loss}% limit 100000`;
    for (const name of this.names) {
      const words = `netns exec ${name} tc qdisc replace dev link0 root ${discipline}`.split(" ");
      const { status, stderr } = spawnSync("ip", words, { encoding: "utf8" });
      if (status !== 0) return `this kernel has no ${discipline.split(" ")[0]} (${stderr.trim()})`;
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    for (const name of this.names) spawnSync("ip", ["netns", "del", name]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private script(name: string, lines: readonly string[]): void {
    const path = join(this.folder, name);
    writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"));
    chmodSync(path, 0o755);
  }
}

function enter(host: string, words: string): string {
  return `exec setsid ip netns exec ${host} unshare --uts sh -c 'hostname "$0"; exec sh -c "$1"' ${host} ${words}`;
}

function command(...lines: readonly string[]): void {
  for (const line of lines) {
    const [program = "", ...words] = line.split(" ");
    const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
    if (status !== 0) throw new UserError(`${line} failed: ${stderr.trim()}; namespaces and links take root and iproute2`);
  }
}
