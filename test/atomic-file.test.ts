/** A failed write has to leave what was there, leave nothing beside it, and say in one sentence what to do. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, type TestContext } from "vitest";
import { explainWriteError, writeFileAtomic } from "#rbnet/atomic-file";
import { UserError } from "#rbnet/errors";
import { temporaryFolder } from "./temporary-folder.js";

let folder = "";
beforeEach(() => {
  folder = temporaryFolder();
});

async function refusal(path: string, data: string | Uint8Array = "new"): Promise<UserError> {
  const error = await writeFileAtomic(path, data).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

/** Mounts a small file system on a new folder while `body` runs; skips the test where this process may not mount. */
async function onTmpfs(context: TestContext, options: string, body: (disk: string) => Promise<void>): Promise<void> {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", disk], { stdio: "ignore" });
  } catch {
    context.skip("this process may not mount a file system to fill");
  }
  try {
    await body(disk);
  } finally {
    execFileSync("umount", [disk]);
  }
}

describe("writeFileAtomic", () => {
  it("writes text and bytes and replaces what was there", async () => {
    const path = join(folder, "model.bin");
    await writeFileAtomic(path, "grüße");
    expect(readFileSync(path, "utf8")).toBe("grüße");
    await writeFileAtomic(path, new Uint8Array([1, 2, 255]));
    expect([...readFileSync(path)]).toEqual([1, 2, 255]);
    expect(readdirSync(folder)).toEqual(["model.bin"]);
  });

  it("keeps writers of one path apart: the result is one of them, whole", async () => {
    const path = join(folder, "model.bin");
    const versions = [1, 2, 3, 4, 5, 6].map((value) => new Uint8Array(300_000).fill(value));
    await Promise.all(versions.map((version) => writeFileAtomic(path, version)));
    const written = readFileSync(path);
    expect(written.length).toBe(300_000);
    expect(new Set(written).size).toBe(1);
    expect(readdirSync(folder)).toEqual(["model.bin"]);
  });

  it("keeps the old file and nothing beside it when the disk is full, and says so", async (context) => {
    await onTmpfs(context, "size=64k", async (disk) => {
      const path = join(disk, "checkpoint");
      await writeFileAtomic(path, "old");
      const { message } = await refusal(path, new Uint8Array(200_000));
      expect(message).toContain(`cannot write ${path}: the disk is full`);
      expect(readFileSync(path, "utf8")).toBe("old");
      expect(readdirSync(disk)).toEqual(["checkpoint"]);
    });
  });

  it("names a read-only file system", async (context) => {
    await onTmpfs(context, "size=64k,ro", async (disk) => {
      expect((await refusal(join(disk, "model"))).message).toContain("is on a read-only file system");
    });
  });

  it("names a folder that may not be written", async (context) => {
    const closed = join(folder, "closed");
    mkdirSync(closed);
    chmodSync(folder, 0o755);
    chmodSync(closed, 0o555);
    if (process.platform === "win32") context.skip("Windows has no such permission on folders");
    const user = process.geteuid?.();
    // The superuser may write anywhere, so the test gives up that right for the one call.
    if (user === 0) process.seteuid?.(65534);
    try {
      expect((await refusal(join(closed, "model"))).message).toContain(`no permission to write in ${closed}`);
    } finally {
      if (user === 0) process.seteuid?.(0);
    }
  });

  it("names a folder that does not exist, a file in place of one, and a folder in place of the file", async () => {
    const missing = join(folder, "missing");
    expect((await refusal(join(missing, "model"))).message).toContain(`the folder ${missing} does not exist`);
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect((await refusal(join(file, "model"))).message).toContain(`${file} is not a folder`);
    const taken = join(folder, "taken");
    mkdirSync(taken);
    expect((await refusal(taken)).message).toContain("it is a folder, a file was expected");
    expect(readdirSync(folder).sort()).toEqual(["file", "taken"]);
  });
});

describe("explainWriteError", () => {
  it("leaves an error that is no fault of the path's as it is", () => {
    const fault = new TypeError("a fault of ours");
    expect(explainWriteError(fault, "model")).toBe(fault);
    const odd = Object.assign(new Error("odd"), { code: "constructor" });
    expect(explainWriteError(odd, "model")).toBe(odd);
  });
});
