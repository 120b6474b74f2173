/**
 * The one error type that speaks to the person who uses the program: a file, flag or value from outside is not what it has
 * to be. The command line prints its message alone and exits with code 2; every other error is a fault of ours.
 */
export class UserError extends Error {
  override name = "UserError";
}

/** What an error says, or what was thrown in its place. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of the system, such as ENOENT; of any other, what it says. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
