/**
 * A store that processes have together: rank 0 alone touches it, the others see what it sees. What cannot be kept there is everybody's
 * error, so that no process waits for one that has ended.
 */
import type { Communicator } from "../cluster/communicator.js";
import { lead, leadBytes } from "../cluster/lead.js";
import { UserError } from "../errors.js";
import { FolderTaken } from "./run-claim.js";
import type { LogWriter, RunPart, RunStore } from "./run-store.js";

const KINDS = [FolderTaken, UserError];

export class SharedStore implements RunStore {
  constructor(
    private readonly store: RunStore,
    private readonly communicator: Communicator,
  ) {}

  prepare(resume: boolean): Promise<void> {
    return this.lead(() => this.store.prepare(resume));
  }

  /** Where something has failed there may be nobody to wait for. */
  async release(): Promise<void> {
    if (this.communicator.rank === 0) await this.store.release();
  }

  placeOf(part: RunPart): string {
    return this.store.placeOf(part);
  }

  write(part: RunPart, content: () => string | Uint8Array | Promise<Uint8Array>): Promise<void> {
    return this.lead(() => this.store.write(part, content));
  }

  read(part: RunPart): Promise<Uint8Array> {
    return leadBytes(this.communicator, () => this.store.read(part), KINDS);
  }

  async openLog(part: RunPart, begin: (text: string) => string): Promise<LogWriter> {
    let log: LogWriter | undefined;
    let found = "";
    const text = await lead(
      this.communicator,
      async () => {
        log = await this.store.openLog(part, (present) => {
          found = present;
          return begin(present);
        });
        return found;
      },
      KINDS,
    );
    if (log === undefined) begin(text);
    return {
      append: (more) => this.lead(async () => log?.append(more)),
      close: async () => log?.close(),
    };
  }

  private async lead(act: () => Promise<void>): Promise<void> {
    await lead(this.communicator, act, KINDS);
  }
}
