/** What a run's stores promise: whole parts, a log that survives, and nothing computed for nobody. */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UserError } from "#rbnet/errors";
import { FolderStore } from "#rbnet/stores/folder-store";
import { clearRunFolder, prepareRunFolder } from "#rbnet/stores/run-folder";
import { NOWHERE } from "#rbnet/stores/run-store";
import { temporaryFolder } from "../temporary-folder.js";

describe("a folder as a store", () => {
  it("gives back what was written, under names that people find", async () => {
    const folder = temporaryFolder();
    const store = new FolderStore(folder);
    await store.write("model", async () => new Uint8Array([1, 2, 3]));
    await store.write("report", () => "page");
    expect([...(await store.read("model"))]).toEqual([1, 2, 3]);
    expect(store.placeOf("model")).toBe(join(folder, "model.safetensors"));
    expect(readFileSync(join(folder, "report.html"), "utf8")).toBe("page");
  });

  it("is made by several trainings at once, whichever is first", async () => {
    const folder = join(temporaryFolder(), "runs", "photos");
    await Promise.all(Array.from({ length: 8 }, () => prepareRunFolder(folder, false)));
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(join(folder, "file"), "");
    await expect(prepareRunFolder(join(folder, "file"), false)).rejects.toThrow("there is a file in its place");
  });

  it("keeps the part before where the new one cannot be made", async () => {
    const store = new FolderStore(temporaryFolder());
    await store.write("checkpoint", () => "old");
    const failing = store.write("checkpoint", () => Promise.reject(new Error("the device is gone")));
    await expect(failing).rejects.toThrow("the device is gone");
    expect(Buffer.from(await store.read("checkpoint")).toString()).toBe("old");
  });

  it("takes up a log with what it began with, and appends", async () => {
    const folder = temporaryFolder();
    const store = new FolderStore(folder);
    const first = await store.openLog("metrics", (text) => `${text}a\n`);
    await first.append("b\n");
    await first.close();
    appendFileSync(join(folder, "metrics.jsonl"), "cut");
    const second = await store.openLog("metrics", (text) => text.replace("cut", ""));
    await second.append("c\n");
    await second.close();
    expect(readFileSync(join(folder, "metrics.jsonl"), "utf8")).toBe("a\nb\nc\n");
  });

  it("says what is missing and what to do", async () => {
    const store = new FolderStore(temporaryFolder());
    await expect(store.read("checkpoint")).rejects.toThrow(
      /there is no checkpoint to resume at .*; start the run without --resume/,
    );
    await expect(store.read("model")).rejects.toThrow(/cannot read the model .*ENOENT.*; restore the file/);
  });

  it("can be emptied of all its parts, and of nothing else", async () => {
    const folder = temporaryFolder();
    const store = new FolderStore(folder);
    for (const part of ["checkpoint", "firstStage", "model", "metrics", "report"] as const) await store.write(part, () => part);
    appendFileSync(join(folder, "notes.txt"), "mine");
    await clearRunFolder(folder);
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
  });
});

describe("no store", () => {
  it("never asks for a content, and has no run to go on from", async () => {
    let asked = 0;
    await NOWHERE.write("checkpoint", () => {
      asked++;
      return "";
    });
    const log = await NOWHERE.openLog("metrics", () => "");
    await log.append("line\n");
    await log.close();
    expect(asked).toBe(0);
    await NOWHERE.prepare(false);
    await expect(NOWHERE.prepare(true)).rejects.toThrow(UserError);
    expect(existsSync(NOWHERE.placeOf("metrics"))).toBe(false);
  });
});
