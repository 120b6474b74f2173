/** What a format of `rbnet export --format` is: a file beside this one, and a line in `formats.ts`. */
import type { Command } from "commander";
import type { Model } from "../../runtime/model.js";

export interface ExportRequest {
  readonly model: Model;
  /** The model file that it was read from, or the name of a model that comes with rbnet. */
  readonly source: string;
  /** Where the user wants it; each format has a place of its own without it. */
  readonly out: string | undefined;
}

export interface Exported {
  /** For people, a line or more. */
  readonly text: string;
  /** For programs: what `--json` prints, beside what calibration found. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface ExportFormat {
  /** What `--format` calls it. */
  readonly name: string;
  /** What comes out, in some words after its name. */
  readonly summary: string;
  /** The flags of this format alone; their help begins with its name where no other format has them. */
  readonly addFlags: (command: Command) => void;
  /**
   * `flags`: all of the command, of which a format reads its own.
   *
   * @throws UserError where it cannot be written so
   */
  readonly write: (request: ExportRequest, flags: Readonly<Record<string, unknown>>) => Promise<Exported>;
}
