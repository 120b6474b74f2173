/** How many threads each process of a job has, where several share a host. */
import { readFileSync } from "node:fs";
import { type Communicator, gatherValues } from "./communicator.js";

/** Of a process. */
interface Place {
  /** Cores that it may run on, by name; a launcher may give each process cores of its own. */
  readonly cores: string;
  readonly count: number;
  readonly given: number | undefined;
}

export interface Crowded {
  readonly host: string;
  readonly ranks: number;
  readonly wanted: number;
  readonly cores: number;
}

/**
 * @param count cores that this process may run on
 * @param given threads that were asked for
 * @returns the threads of this process, and hosts where more were asked for than there are cores
 */
export async function threadsHere(
  communicator: Communicator,
  count: number,
  given: number | undefined,
  cores = coresOf(),
): Promise<{ readonly threads: number; readonly crowded: readonly Crowded[] }> {
  const own: Place = { cores, count, given };
  const places = await gatherValues(communicator, own);
  const groups = new Map<string, { readonly host: string; readonly places: Place[] }>();
  for (const [rank, place] of places.entries()) {
    const { host } = communicator.members[rank];
    const group = groups.get(`${host} ${place.cores}`) ?? { host, places: [] };
    group.places.push(place);
    groups.set(`${host} ${place.cores}`, group);
  }
  const sharing = groups.get(`${communicator.members[communicator.rank].host} ${cores}`)?.places.length ?? 1;
  const crowded = [...groups.values()].flatMap(({ host, places: together }) => {
    const wanted = together.reduce((sum, place) => sum + (place.given ?? 0), 0);
    const [{ count: there }] = together;
    return wanted > there ? [{ host, ranks: together.length, wanted, cores: there }] : [];
  });
  return { threads: given ?? Math.max(1, Math.floor(count / sharing)), crowded };
}

/** As Linux names them; elsewhere nobody binds processes to cores. */
function coresOf(): string {
  try {
    return /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}
