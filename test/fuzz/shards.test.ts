/** A shard is data from strangers: a damaged one is refused in a sentence, or every sample of it lies within the file. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { indexShard } from "#rbnet/data/shards/shard-index";
import { TAR_END, tarFile } from "#rbnet/data/shards/tar";
import { UserError } from "#rbnet/errors";
import { temporaryFolder } from "../temporary-folder.js";
import { attempts, bendBytes, pick } from "./bend.js";

const SEED = 31;

/** A valid header with some of its fields replaced, so that the damage is not all caught by the checksum. */
function bendHeader(archive: Uint8Array, random: Random): Uint8Array {
  const bent = Buffer.from(archive);
  const header = bent.subarray(random.integer(6) * 1024).subarray(0, 512);
  const octal = (): string => pick(random, ["00000000000", "77777777777", "00000000001", "00000002000", "-0000000001", "\0"]);
  const change = random.integer(3);
  if (change === 0) header.write(octal(), 124, "latin1");
  else if (change === 1) header.write(pick(random, [..."LKxg57S\0"]), 156, "latin1");
  else header.fill(pick(random, [0, 0x80, 0xff]), 124, 124 + 1 + random.integer(12));
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bent;
}

it("a damaged shard is refused in a sentence, or all of its samples lie in the file", { timeout: 60_000 }, async () => {
  const samples = ["a", "b", "c"].flatMap((key, label) => [
    tarFile(`${key}.jpg`, Buffer.alloc(300, key)),
    tarFile(`${key}.cls`, Buffer.from(String(label))),
  ]);
  const archive = Buffer.concat([...samples, TAR_END]);
  const path = join(temporaryFolder(), "shard.tar");
  const count = attempts(1000);
  let accepted = 0;
  for (let attempt = 0; attempt < count; attempt++) {
    const random = new Random(SEED, attempt);
    writeFileSync(path, random.uniform() < 0.5 ? bendBytes(archive, random) : bendHeader(archive, random));
    try {
      const { offsets, lengths, labels, names } = await indexShard(path);
      const { size } = statSync(path);
      offsets.forEach((offset, sample) => {
        expect(offset + lengths[sample]!).toBeLessThanOrEqual(size);
      });
      expect([lengths.length, labels.length, names.length]).toEqual(Array(3).fill(offsets.length));
      accepted++;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      expect(error.message).toMatch(/^[^\n]{10,600}$/);
    }
  }
  // Both happen, so both are tested.
  expect(accepted).toBeGreaterThan(count / 20);
  expect(accepted).toBeLessThan(count * 0.95);
});
