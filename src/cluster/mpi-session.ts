/**
 * This process as a member of MPI's world: calls that begin something and are asked later whether it has ended. All memory is shared, so
 * that no garbage collector moves it while MPI reads or writes; and what was given to a call is held until the call has ended, counts and
 * offsets too, so that none frees it.
 */
import { UserError } from "../errors.js";
import type { LaunchedJob } from "./launched.js";
import { loadMpi, type MpiLibrary, textIn } from "./mpi-library.js";

/** Something that was begun. */
export interface Request {
  /** Whether it has ended; to be asked again and again until it has, which is also what moves it on. */
  done(): boolean;
}

/** How many bytes each process has, and where in the whole. */
export interface Portions {
  readonly counts: Int32Array;
  readonly offsets: Int32Array;
}

/** All calls are made by one thread. */
const FUNNELED = 1;
const TEXT_BYTES = 4096;

export class MpiSession {
  private constructor(
    private readonly mpi: MpiLibrary,
    readonly rank: number,
    readonly size: number,
  ) {}

  /** @throws UserError where there is no library that fits the launcher */
  static async start({ launcher, size: expected, libraries }: LaunchedJob): Promise<MpiSession> {
    const mpi = await loadMpi(libraries, launcher);
    const { calls, constants, version } = mpi;
    const [provided, rank, size] = [integers(1), integers(1), integers(1)];
    check(mpi, calls.MPI_Init_thread(null, null, FUNNELED, provided));
    check(mpi, calls.MPI_Comm_set_errhandler(constants.world, constants.errorsReturn));
    check(mpi, calls.MPI_Comm_rank(constants.world, rank));
    check(mpi, calls.MPI_Comm_size(constants.world, size));
    if (expected !== undefined && size[0] !== expected)
      throw new UserError(
        `${launcher} has started ${expected} processes, but ${version} sees ${size[0]}: launcher and library are of different MPIs; ` +
          "start the job with the mpirun of that library, or name the launcher's library by RBNET_MPI",
      );
    return new MpiSession(mpi, rank[0], size[0]);
  }

  get version(): string {
    return this.mpi.version;
  }

  /** Every process's bytes, as many of each, side by side in `all`. */
  gatherEqual(own: Uint8Array, all: Uint8Array): Request {
    const { byte, world } = this.mpi.constants;
    const count = own.byteLength;
    return this.begin([own, all], (request) => this.mpi.calls.MPI_Iallgather(own, count, byte, all, count, byte, world, request));
  }

  /** Every process's bytes where its portion of `all` is. */
  gather(own: Uint8Array, all: ArrayBufferView, { counts, offsets }: Portions): Request {
    const { byte, world } = this.mpi.constants;
    return this.begin([own, all, counts, offsets], (request) =>
      this.mpi.calls.MPI_Iallgatherv(own, own.byteLength, byte, all, counts, offsets, byte, world, request),
    );
  }

  /** Sends each process its portion of `own`; `all` gets the portions that the processes have for this one. */
  exchange(own: ArrayBufferView, sent: Portions, all: ArrayBufferView, received: Portions): Request {
    const { byte, world } = this.mpi.constants;
    const { counts, offsets } = sent;
    return this.begin([own, all, sent, received], (request) =>
      this.mpi.calls.MPI_Ialltoallv(own, counts, offsets, byte, all, received.counts, received.offsets, byte, world, request),
    );
  }

  broadcast(bytes: Uint8Array, from: number): Request {
    const { byte, world } = this.mpi.constants;
    return this.begin([bytes], (request) => this.mpi.calls.MPI_Ibcast(bytes, bytes.byteLength, byte, from, world, request));
  }

  send(bytes: Uint8Array, to: number, tag: number): Request {
    const { byte, world } = this.mpi.constants;
    return this.begin([bytes], (request) => this.mpi.calls.MPI_Isend(bytes, bytes.byteLength, byte, to, tag, world, request));
  }

  receive(bytes: Uint8Array, from: number, tag: number): Request {
    const { byte, world } = this.mpi.constants;
    return this.begin([bytes], (request) => this.mpi.calls.MPI_Irecv(bytes, bytes.byteLength, byte, from, tag, world, request));
  }

  /** Ends the processes of the whole job, this one included. */
  abort(code: number): void {
    this.mpi.calls.MPI_Abort(this.mpi.constants.world, code);
  }

  /** The last call, which every process makes. */
  end(): void {
    this.mpi.calls.MPI_Finalize();
  }

  /** @param held what MPI reads and writes until the end */
  private begin(held: readonly unknown[], start: (request: BigInt64Array) => number): Request {
    const { mpi } = this;
    const request = new BigInt64Array(new SharedArrayBuffer(8));
    const flag = integers(1);
    check(mpi, start(request));
    underWay.set(request, held);
    return {
      done: () => {
        if (flag[0] !== 0) return true;
        check(mpi, mpi.calls.MPI_Test(request, flag, mpi.constants.ignored));
        if (flag[0] !== 0) underWay.delete(request);
        return flag[0] !== 0;
      },
    };
  }
}

/** Calls that have not ended, with their memory: a request that nobody asks for any more is MPI's still. */
const underWay = new Map<BigInt64Array, readonly unknown[]>();

/** Zeroed memory that stays where it is. */
export function fixedBytes(count: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(count));
}

export function integers(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

function check(mpi: MpiLibrary, code: number): void {
  if (code === 0) return;
  const text = fixedBytes(TEXT_BYTES);
  mpi.calls.MPI_Error_string(code, text, integers(1));
  throw new Error(`${mpi.version} says: ${textIn(text)}`);
}
