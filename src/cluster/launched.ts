/**
 * Whether a launcher has started this process as one of a job, by what it leaves in the environment; nothing of MPI is loaded for it.
 *
 * Sources: Open MPI's "Environment variables" (OMPI_COMM_WORLD_SIZE), PMI-1 and PMI-2 as MPICH's Hydra and Slurm set them (PMI_SIZE), and
 * PMIx (PMIX_RANK), which Slurm's `srun --mpi=pmix` and PRRTE set.
 */

export interface LaunchedJob {
  /** For people. */
  readonly launcher: string;
  /** Processes of the job, and the number of this one; undefined where the launcher does not say. */
  readonly size: number | undefined;
  readonly rank: number | undefined;
  /** Names of libraries that may belong to the launcher, the likeliest first. */
  readonly libraries: readonly string[];
}

const OPEN_MPI = ["libmpi.so.40"];
/** Debian's name, and that of the common binary interface of MPICH and its kin. */
const MPICH = ["libmpich.so.12", "libmpi.so.12"];

/** Where a library is that the loader does not find by itself. */
export const LIBRARY_VARIABLE = "RBNET_MPI";

export function launchedJob(environment: Readonly<Record<string, string | undefined>>): LaunchedJob | undefined {
  const {
    OMPI_COMM_WORLD_SIZE: openMpi,
    OMPI_COMM_WORLD_RANK: openMpiRank,
    PMI_SIZE: pmi,
    PMI_RANK: pmiRank,
    PMIX_RANK: pmix,
    SLURM_STEP_NUM_TASKS: tasks,
    [LIBRARY_VARIABLE]: chosen,
  } = environment;
  const libraries = (likely: readonly string[]): readonly string[] =>
    chosen === undefined || chosen === "" ? [...likely, "libmpi.so"] : [chosen];
  if (openMpi !== undefined)
    return {
      launcher: "mpirun of Open MPI",
      size: Number(openMpi),
      rank: numberIn(openMpiRank),
      libraries: libraries([...OPEN_MPI, ...MPICH]),
    };
  if (pmi !== undefined)
    return {
      launcher: "a launcher with PMI, such as MPICH's",
      size: Number(pmi),
      rank: numberIn(pmiRank),
      libraries: libraries([...MPICH, ...OPEN_MPI]),
    };
  if (pmix !== undefined)
    return {
      launcher: "a launcher with PMIx, such as srun",
      size: numberIn(tasks),
      rank: Number(pmix),
      libraries: libraries([...OPEN_MPI, ...MPICH]),
    };
  return undefined;
}

function numberIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
