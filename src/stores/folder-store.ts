/** A run's folder as its store: a file a part, written beside its place and renamed over it. */
import { open, readFile } from "node:fs/promises";
import { explainWriteError, writeFileAtomic } from "../atomic-file.js";
import { codeOf, UserError } from "../errors.js";
import { RunClaim } from "./run-claim.js";
import { prepareRunFolder, requireNoRun, runFile } from "./run-folder.js";
import type { LogWriter, RunPart, RunStore } from "./run-store.js";

export class FolderStore implements RunStore {
  private claim: RunClaim | undefined;

  constructor(private readonly folder: string) {}

  async prepare(resume: boolean): Promise<void> {
    await prepareRunFolder(this.folder, resume);
    this.claim = await RunClaim.take(this.folder);
    try {
      // Another training may have ended there in between.
      if (!resume) requireNoRun(this.folder);
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.claim?.[Symbol.asyncDispose]();
    this.claim = undefined;
  }

  placeOf(part: RunPart): string {
    return runFile(this.folder, part);
  }

  async write(part: RunPart, content: () => string | Uint8Array | Promise<Uint8Array>): Promise<void> {
    await writeFileAtomic(this.placeOf(part), await content());
  }

  async read(part: RunPart): Promise<Uint8Array> {
    const path = this.placeOf(part);
    try {
      return await readFile(path);
    } catch (error) {
      throw new UserError(explainMissing(part, path, codeOf(error)), { cause: error });
    }
  }

  async openLog(part: RunPart, begin: (text: string) => string): Promise<LogWriter> {
    const path = this.placeOf(part);
    await writeFileAtomic(path, begin(await readFile(path, "utf8").catch(() => "")));
    const explained = (error: unknown): never => {
      throw explainWriteError(error, path);
    };
    const file = await open(path, "a").catch(explained);
    return {
      async append(text) {
        await file.appendFile(text).catch(explained);
        await file.datasync().catch(explained);
      },
      close: () => file.close(),
    };
  }
}

/** A run is resumed from these files, so what is missing is what to say first. */
function explainMissing(part: RunPart, path: string, code: string): string {
  if (part === "model")
    return (
      `cannot read the model ${path} (${code}), the best network that the run has made so far; restore the file, or start ` +
      "the run again"
    );
  const found =
    code === "ENOENT" ? `there is no checkpoint to resume at ${path}` : `cannot read the checkpoint ${path} (${code})`;
  return `${found}; start the run without --resume, or give the folder of the run that was stopped`;
}
