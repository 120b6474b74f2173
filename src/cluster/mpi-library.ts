/**
 * The MPI library of this machine, found at run time. Two binary interfaces are known: Open MPI's, where constants are addresses of objects
 * in the library, and MPICH's, where they are numbers. Imported by the thread that talks to MPI, and by nobody else.
 */
import { messageOf, UserError } from "../errors.js";
import { LIBRARY_VARIABLE } from "./launched.js";

type Koffi = typeof import("koffi");
type Library = ReturnType<Koffi["load"]>;

/** A handle of MPI, which is a pointer in one interface and an int in the other, travels in a register of 64 bits either way. */
type Handle = bigint;

interface Constants {
  readonly world: Handle;
  readonly byte: Handle;
  readonly errorsReturn: Handle;
  /** MPI_STATUS_IGNORE. */
  readonly ignored: Handle;
}

const POINTER = "void *";
const HANDLE = "int64";

/** Arguments of what is called. */
const FUNCTIONS = {
  MPI_Get_library_version: [POINTER, POINTER],
  MPI_Init_thread: [POINTER, POINTER, "int", POINTER],
  MPI_Comm_rank: [HANDLE, POINTER],
  MPI_Comm_size: [HANDLE, POINTER],
  MPI_Comm_set_errhandler: [HANDLE, HANDLE],
  MPI_Error_string: ["int", POINTER, POINTER],
  MPI_Iallgather: [POINTER, "int", HANDLE, POINTER, "int", HANDLE, HANDLE, POINTER],
  MPI_Iallgatherv: [POINTER, "int", HANDLE, POINTER, POINTER, POINTER, HANDLE, HANDLE, POINTER],
  MPI_Ialltoallv: [POINTER, POINTER, POINTER, HANDLE, POINTER, POINTER, POINTER, HANDLE, HANDLE, POINTER],
  MPI_Ibcast: [POINTER, "int", HANDLE, "int", HANDLE, POINTER],
  MPI_Isend: [POINTER, "int", HANDLE, "int", "int", HANDLE, POINTER],
  MPI_Irecv: [POINTER, "int", HANDLE, "int", "int", HANDLE, POINTER],
  MPI_Test: [POINTER, POINTER, HANDLE],
  MPI_Abort: [HANDLE, "int"],
  MPI_Finalize: [],
} as const;

type Argument = ArrayBufferView | number | bigint | null;
export type Calls = Readonly<Record<keyof typeof FUNCTIONS, (...given: readonly Argument[]) => number>>;

export interface MpiLibrary {
  /** For people: "Open MPI v4.1.4". */
  readonly version: string;
  readonly calls: Calls;
  readonly constants: Constants;
}

/** Longer than any text of a library. */
const TEXT_BYTES = 16384;

/**
 * Loads the first library that is there.
 *
 * @throws UserError where there is none, or one whose binary interface is not known
 */
export async function loadMpi(names: readonly string[], launcher: string): Promise<MpiLibrary> {
  const koffi = await loadKoffi(launcher);
  const failures: string[] = [];
  for (const name of names) {
    let library: Library;
    try {
      // Open MPI's plugins look for its symbols among those of the whole program.
      library = koffi.load(name, { global: true });
    } catch (error) {
      failures.push(messageOf(error).split("\n")[0] as string);
      continue;
    }
    return describe(koffi, library, name);
  }
  throw new UserError(
    `this is a job of ${launcher}, but no MPI library can be loaded (${failures[0]}); install Open MPI 4 or 5, or MPICH, or name ` +
      `its library by ${LIBRARY_VARIABLE}`,
  );
}

async function loadKoffi(launcher: string): Promise<Koffi> {
  try {
    return (await import("koffi")).default as unknown as Koffi;
  } catch (error) {
    throw new UserError(
      `this is a job of ${launcher}, and the package koffi, which calls MPI, cannot be loaded (${messageOf(error).split("\n")[0]}); ` +
        "install it by `npm install koffi`",
    );
  }
}

function describe(koffi: Koffi, library: Library, name: string): MpiLibrary {
  const calls = Object.fromEntries(
    Object.entries(FUNCTIONS).map(([symbol, types]) => {
      // Bound when it is first called: a library that is none of MPI is refused by what it lacks.
      let bound: ReturnType<Library["func"]> | undefined;
      const call = (...given: readonly Argument[]): number => {
        bound ??= library.func(symbol, "int", [...types]);
        return bound(...given) as number;
      };
      return [symbol, call];
    }),
  ) as Calls;
  const text = versionText(calls, name);
  const version =
    /^(Open MPI v\d+\.\d+\.\d+\w*)/.exec(text)?.[1] ?? /^(MPICH Version:\s*\S+)/.exec(text)?.[1]?.replace(/\s+/g, " ");
  const [, major = ""] = /v(\d+)/.exec(version ?? "") ?? [];
  if (version?.startsWith("Open MPI") === true && ["4", "5"].includes(major))
    return { version, calls, constants: openMpiConstants(koffi, library) };
  if (/^MPICH Version: [34]\./.test(version ?? "")) return { version: version as string, calls, constants: MPICH_CONSTANTS };
  throw new UserError(
    `the MPI library ${name} is "${text.slice(0, 60).split(/[\n,]/)[0]}", whose binary interface is not known; use Open MPI 4 or 5, ` +
      "or MPICH 3 or 4",
  );
}

function versionText(calls: Calls, name: string): string {
  const bytes = new Uint8Array(TEXT_BYTES);
  try {
    calls.MPI_Get_library_version(bytes, new Int32Array(1));
  } catch (error) {
    throw new UserError(`${name} is no MPI library that is known (${messageOf(error).split("\n")[0]}); use Open MPI or MPICH`);
  }
  return textIn(bytes);
}

function openMpiConstants(koffi: Koffi, library: Library): Constants {
  const addressOf = (symbol: string): Handle => koffi.address(library.symbol(symbol));
  return {
    world: addressOf("ompi_mpi_comm_world"),
    byte: addressOf("ompi_mpi_byte"),
    errorsReturn: addressOf("ompi_mpi_errors_return"),
    ignored: 0n,
  };
}

/** Of the common binary interface of MPICH 3.1 and later. */
const MPICH_CONSTANTS: Constants = { world: 0x44000000n, byte: 0x4c00010dn, errorsReturn: 0x54000001n, ignored: 1n };

/** What C has left in a buffer. */
export function textIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end).slice());
}
