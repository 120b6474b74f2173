/**
 * Where a run keeps what has to outlive the process that trains it. Who trains hands over contents by name, and does not know whether they
 * go into a folder or, where there is none, nowhere.
 */
import { UserError } from "../errors.js";

/**
 * What is kept: a checkpoint to go on from; the one that the first of two stages ended with, where the second learns from its network; the
 * best network so far; what the run said of itself, line by line; and that as a page.
 */
export type RunPart = "checkpoint" | "firstStage" | "model" | "metrics" | "report";

export interface RunStore {
  /**
   * Makes it ready for a run, before hours of training and not after the first epoch.
   *
   * @param resume the run goes on from what is kept there; without it, a run that is kept there is not overwritten
   * @throws UserError where it cannot be used, or another run is using it: until `release`, it is this one's alone
   */
  prepare(resume: boolean): Promise<void>;
  release(): Promise<void>;
  /** What a person would call the place of a part. */
  placeOf(part: RunPart): string;
  /**
   * Keeps a part whole or not at all, in place of the one before. `content` is called where it is kept only: it may have to be read from a
   * device.
   */
  write(part: RunPart, content: () => string | Uint8Array | Promise<Uint8Array>): Promise<void>;
  /** @throws UserError where the part is not there, or cannot be read */
  read(part: RunPart): Promise<Uint8Array>;
  /** Takes up a part that grows: `begin` gets what is there, "" where that is nothing, and returns what it starts with from now on. */
  openLog(part: RunPart, begin: (text: string) => string): Promise<LogWriter>;
}

export interface LogWriter {
  /** The text is kept when this returns, whatever happens to the process. */
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

/** For a run that leaves nothing behind. */
export const NOWHERE: RunStore = {
  async prepare(resume) {
    if (resume) throw nothingKept();
  },
  async release() {},
  placeOf: (part) => part,
  async write() {},
  async read() {
    throw nothingKept();
  },
  async openLog(_part, begin) {
    begin("");
    return { async append() {}, async close() {} };
  },
};

function nothingKept(): UserError {
  return new UserError("there is no folder to resume from; give the folder of the run that was stopped");
}
