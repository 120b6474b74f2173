/**
 * Two hosts, one of which is cut off: network namespaces with names and addresses of their own, which MPICH reaches by an agent in the
 * place of ssh. Takes root, iproute2 and MPICH, and is skipped without.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeSafetensors } from "#rbnet/runtime/safetensors";
import { classFolder } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { LAUNCHERS, startJob } from "./mpirun.js";

const [FIRST, SECOND] = [`rbnet-${process.pid}-a`, `rbnet-${process.pid}-b`];
const SETUP = `
set -e
for h in ${FIRST} ${SECOND}; do
  ip netns add $h
  ip -n $h link set lo up
  mkdir -p /etc/netns/$h
  printf '127.0.0.1 localhost\\n10.98.0.1 ${FIRST}\\n10.98.0.2 ${SECOND}\\n' > /etc/netns/$h/hosts
done
ip link add link0 netns ${FIRST} type veth peer name link0 netns ${SECOND}
ip -n ${FIRST} addr add 10.98.0.1/24 dev link0
ip -n ${SECOND} addr add 10.98.0.2/24 dev link0
ip -n ${FIRST} link set link0 up
ip -n ${SECOND} link set link0 up
# The kernel calls a link up within a second, and MPI takes no other.
for h in ${FIRST} ${SECOND}; do
  for i in $(seq 100); do
    ip -n $h -br link show link0 | grep -q ' UP ' && break
    sleep 0.1
  done
done
`;
const AGENT = `#!/bin/sh
while [ "\${1#-}" != "$1" ]; do shift; done
host=$1
shift
exec setsid ip netns exec $host unshare --uts sh -c 'hostname "$0"; exec sh -c "$1"' $host "$*"
`;
const HERE = `#!/bin/sh
exec ip netns exec ${FIRST} unshare --uts sh -c 'hostname ${FIRST}; exec "$@"' sh "$@"
`;

const hasMpich = LAUNCHERS.some(({ name }) => name === "MPICH");
const canMake = process.platform === "linux" && process.getuid?.() === 0 && hasMpich;

describe.skipIf(!canMake)("two hosts (root, iproute2 and MPICH)", () => {
  let folder = "";
  let areMade = false;

  beforeAll(() => {
    folder = temporaryFolder();
    areMade = spawnSync("sh", ["-c", SETUP]).status === 0;
    for (const [name, text] of [
      ["agent", AGENT],
      ["here", HERE],
    ] as const) {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), 0o755);
    }
  });

  afterAll(() => {
    for (const host of [FIRST, SECOND]) {
      // What was cut off cannot be told to end.
      const left = spawnSync("ip", ["netns", "pids", host], { encoding: "utf8" }).stdout?.trim() ?? "";
      for (const process_ of left === "" ? [] : left.split("\n")) spawnSync("kill", ["-9", process_]);
      spawnSync("ip", ["netns", "del", host]);
      rmSync(`/etc/netns/${host}`, { recursive: true, force: true });
    }
  });

  it("end within a minute when one is cut off: rank 0 names it, and has a good checkpoint", {
    timeout: 150_000,
  }, async ({ skip }) => {
    if (!areMade) skip();
    const run = join(temporaryFolder(), "run");
    const photos = await classFolder(["cat", "dog"], 10, 16);
    const launcher = {
      name: "MPICH",
      command: join(folder, "here"),
      // Beside TCP there is memory that the two share, which no cable carries.
      flags: ["env", "UCX_TLS=tcp,self", "mpirun.mpich", "-launcher", "rsh", "-launcher-exec", join(folder, "agent")],
    };
    const hosts = { ...launcher, flags: [...launcher.flags, "-hosts", `${FIRST},${SECOND}`] };
    const quick = ["--network", "rbnet8", "--width", "0.5", "--size", "16", "--batch", "8", "--threads", "1"];
    const words = ["train", photos, ...quick, "--epochs", "100000", "--out", run];
    const job = startJob(hosts, [[2, words]], folder);
    await job.said(/^epoch +2/m);
    const start = performance.now();
    spawnSync("ip", ["-n", SECOND, "link", "set", "link0", "down"]);
    const { code, stdout, stderr } = await job.outcome;
    expect(performance.now() - start).toBeLessThan(60_000);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(`rank 1 on ${SECOND}: nothing was heard of it for`);
    const checkpoint = join(run, "checkpoint.safetensors");
    expect(existsSync(checkpoint)).toBe(true);
    expect(decodeSafetensors(readFileSync(checkpoint), checkpoint).metadata.progress).toContain('"epoch"');
  });
});
