/**
 * The one error type that speaks to the person who uses the program: a file, flag or value from outside is not what it has
 * to be. The command line prints its message alone and exits with code 2; every other error is a fault of ours.
 */
export class UserError extends Error {
  override name = "UserError";
}
