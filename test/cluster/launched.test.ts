/** What a launcher leaves in the environment, and what is made of it. */
import { describe, expect, it } from "vitest";
import { requireAlike } from "#rbnet/cluster/alike";
import { ALONE } from "#rbnet/cluster/alone";
import type { Communicator } from "#rbnet/cluster/communicator";
import { joinJob } from "#rbnet/cluster/job";
import { launchedJob } from "#rbnet/cluster/launched";
import { threadsHere } from "#rbnet/cluster/threads";
import { UserError } from "#rbnet/errors";

describe("a launcher", () => {
  it("is known by its variables, and nothing else is one: not Slurm's batch script by itself", () => {
    expect(launchedJob({ PATH: "/bin", SLURM_NTASKS: "4", SLURM_PROCID: "0" })).toBeUndefined();
    expect(launchedJob({ OMPI_COMM_WORLD_SIZE: "4", OMPI_COMM_WORLD_RANK: "2", PMIX_RANK: "2" })).toMatchObject({
      size: 4,
      rank: 2,
      libraries: expect.arrayContaining(["libmpi.so.40"]),
    });
    const mpich = launchedJob({ PMI_SIZE: "3", PMI_RANK: "1" });
    expect(mpich).toMatchObject({ size: 3, rank: 1 });
    expect(mpich?.libraries[0]).toBe("libmpich.so.12");
    expect(launchedJob({ PMIX_RANK: "1", SLURM_STEP_NUM_TASKS: "8" })).toMatchObject({ size: 8, rank: 1 });
    expect(launchedJob({ PMI_SIZE: "3", RBNET_MPI: "/opt/mpi/libmpi.so" })?.libraries).toEqual(["/opt/mpi/libmpi.so"]);
  });

  it("of one process loads nothing", async () => {
    const job = await joinJob({ OMPI_COMM_WORLD_SIZE: "1", RBNET_MPI: "/nowhere/libmpi.so" });
    expect(job.size).toBe(1);
  });

  it("whose library is not there, or is none of MPI's, is refused in a sentence", async () => {
    const refusal = (library: string): Promise<unknown> =>
      joinJob({ OMPI_COMM_WORLD_SIZE: "2", RBNET_MPI: library }).then(undefined, (error: unknown) => error);
    const absent = await refusal("/nowhere/libmpi.so");
    expect(absent).toBeInstanceOf(UserError);
    expect(String(absent)).toMatch(
      /no MPI library can be loaded .*install Open MPI 4 or 5, or MPICH, or name its library by RBNET_MPI/,
    );
    if (process.platform !== "linux") return;
    const other = await refusal("libm.so.6");
    expect(other).toBeInstanceOf(UserError);
    expect(String(other)).toContain("libm.so.6 is no MPI library that is known");
  });
});

/** Rank 1 of as many processes as there are values, which say these. */
function among(values: readonly unknown[]): Communicator {
  const members = values.map((_, rank) => ({ rank, host: rank < 2 ? "a" : "b" }));
  const gather: Communicator["gather"] = async () => values.map((value) => new TextEncoder().encode(JSON.stringify(value)));
  return { ...ALONE, rank: 1, size: values.length, members, gather };
}

describe("processes that differ", () => {
  it("are told apart by rank, host and what differs", async () => {
    const alike = { version: "1", images: 40 };
    await requireAlike(among([alike, alike]), alike);
    await expect(requireAlike(among([alike, alike, { ...alike, images: 39 }]), alike)).rejects.toThrow(
      "rank 2 on b differs from rank 0 on a in images: 39, and 40",
    );
  });
});

describe("threads", () => {
  const place = { cores: "0-7", count: 8, given: undefined };

  it("are the host's cores, divided among its ranks", async () => {
    expect(await threadsHere(among([place, place, place]), 8, undefined, "0-7")).toEqual({ threads: 4, crowded: [] });
  });

  it("are a rank's own cores where the launcher gives it some", async () => {
    const bound = [0, 1, 2].map((core) => ({ cores: String(core), count: 1, given: undefined }));
    expect(await threadsHere(among(bound), 1, undefined, "1")).toEqual({ threads: 1, crowded: [] });
  });

  it("are as many as were asked for, and a host is named where that is more than its cores", async () => {
    const eager = { ...place, given: 6 };
    expect(await threadsHere(among([eager, eager, eager]), 8, 6, "0-7")).toEqual({
      threads: 6,
      crowded: [{ host: "a", ranks: 2, wanted: 12, cores: 8 }],
    });
  });
});
