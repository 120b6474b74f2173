/** What becomes of an error of a command: a sentence, and an exit code. */
import { CommanderError } from "commander";
import { messageOf, UserError } from "../errors.js";
import { tell } from "./output.js";

export function exitCodeOf(error: unknown): number {
  // Commander has said already what is wrong; help and version end this way too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (process.env.RBNET_DEBUG === "1") console.error(error);
  tell(sentenceOf(error));
  return isUsers(error) ? 2 : 1;
}

export function sentenceOf(error: unknown): string {
  const message = messageOf(error);
  return isUsers(error)
    ? message
    : `this is a fault of rbnet, please report it: ${message.split("\n")[0]} (RBNET_DEBUG=1 shows where)`;
}

/** The backend's memory does not know of users, but how much is asked of it is theirs to say. */
function isUsers(error: unknown): boolean {
  return error instanceof UserError || (error instanceof RangeError && messageOf(error).startsWith("out of memory"));
}
