/**
 * From PyTorch to bits: a network trained and exported there teaches an RB-Net by the command line. RBNET_PYTHON names a Python
 * that has torch, onnx and Pillow.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { shapes } from "#rbnet/data/shapes/shapes";
import { rbnet } from "../../cli/command.js";
import { temporaryFolder } from "../../temporary-folder.js";

const python = process.env.RBNET_PYTHON;
const script = fileURLToPath(new URL("../../../bench/peers/train_teacher.py", import.meta.url));
if (python === undefined)
  console.warn("RBNET_PYTHON names no Python with PyTorch: the test of a teacher exported by it is skipped");

/** Pictures as files in a folder a class. */
async function writePictures(folder: string): Promise<void> {
  const data = shapes({ train: 120, validation: 0, test: 20, size: 32 });
  for (const [name, set] of [
    ["train", data.train],
    ["test", data.test!],
  ] as const) {
    for (let index = 0; index < set.count; index++) {
      const to = join(folder, name, data.classes[set.labels[index]!]!);
      mkdirSync(to, { recursive: true });
      const raw = { width: 32, height: 32, channels: 3 } as const;
      const { source } = set;
      if (source.kind !== "memory") throw new Error("shapes are drawn into memory");
      const bytes = 32 * 32 * 3;
      const pixels = Uint8Array.from(source.pixels.subarray((source.rows[index] ?? 0) * bytes).subarray(0, bytes));
      await sharp(pixels, { raw })
        .png()
        .toFile(join(to, `${index}.png`));
    }
  }
}

describe.skipIf(python === undefined)("a ResNet-20 exported by PyTorch", () => {
  it("teaches an RB-Net, epoch after epoch", async () => {
    const folder = temporaryFolder();
    await writePictures(join(folder, "pictures"));
    const exported = spawnSync(python!, [script, "pictures", "teacher.onnx", "--epochs", "1", "--batch", "16"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect({ status: exported.status, stderr: exported.stderr }).toMatchObject({ status: 0 });
    const words = ["train", "pictures", "--network", "rbnet8", "--epochs", "3", "--batch", "8", "--out", "run"];
    const { code, stderr } = await rbnet([...words, "--teacher", "teacher.onnx", "--teacher-pixels", "unit"], folder);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const losses = readFileSync(join(folder, "run", "metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; trainLoss: number })
      .filter(({ kind }) => kind === "epoch")
      .map(({ trainLoss }) => trainLoss);
    expect(losses.length).toBe(3);
    expect(losses[2]).toBeLessThan(losses[0]!);
  }, 180_000);
});
