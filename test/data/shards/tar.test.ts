/** The tar reader: what it writes it finds again, long names in both dialects, and an archive that is cut off is said to be. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TAR_END, type TarEntry, TarError, tarEntries, tarFile } from "#rbnet/data/shards/tar";

const LONG = `${"folder/".repeat(40)}picture.jpg`;

async function entriesOf(archive: Uint8Array): Promise<TarEntry[]> {
  const found: TarEntry[] = [];
  const read = async (at: number, bytes: number): Promise<Uint8Array> => {
    if (at + bytes > archive.length) throw new Error("asked beyond the archive's end");
    return archive.subarray(at, at + bytes);
  };
  for await (const entry of tarEntries(read, archive.length)) found.push(entry);
  return found;
}

/** A file with another type and name than `tarFile` writes. */
function entry(type: string, name: string, data: Uint8Array | string, prefix = ""): Uint8Array {
  const file = Buffer.from(tarFile("name", Buffer.from(data)));
  file.fill(0, 0, 100).write(name, 0, "latin1");
  file.write(type, 156, "latin1");
  file.write(prefix, 345, "latin1");
  file.fill(" ", 148, 156);
  const sum = file.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  file.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return file;
}

function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

describe("a tar archive", () => {
  const files = fc.array(
    fc.record({ name: fc.stringMatching(/^[a-z0-9_.-]{1,100}$/), data: fc.uint8Array({ maxLength: 1500 }) }),
    { maxLength: 6 },
  );

  it("gives back names and bytes of all its files, in order", async () => {
    await fc.assert(
      fc.asyncProperty(files, async (written) => {
        const archive = Buffer.concat([...written.map(({ name, data }) => tarFile(name, data)), TAR_END]);
        const found = (await entriesOf(archive)).map(({ name, at, bytes }) => ({
          name,
          data: Uint8Array.from(archive.subarray(at, at + bytes)),
        }));
        expect(found).toEqual(written.map(({ name, data }) => ({ name, data: Uint8Array.from(data) })));
      }),
    );
  });

  it("that is cut off anywhere before its mark of the end is refused", async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.double({ min: 0, max: 1, noNaN: true }), async (written, share) => {
        const content = Buffer.concat(written.map(({ name, data }) => tarFile(name, data)));
        const cut = Buffer.concat([content, TAR_END]).subarray(0, Math.floor(share * (content.length + 511)));
        await expect(entriesOf(cut)).rejects.toThrow(TarError);
      }),
    );
  });

  it.each([
    ["GNU's long name", [entry("L", "././@LongLink", `${LONG}\0`), entry("0", "cut", "bytes")]],
    ["a pax path", [entry("x", "pax", paxRecord("mtime", "1.5") + paxRecord("path", LONG)), entry("0", "cut", "bytes")]],
    ["a prefix of ustar", [entry("0", "picture.jpg", "bytes", LONG.slice(0, 150))]],
  ])("names a file by %s, and the next by its own", async (kind, parts) => {
    const archive = Buffer.concat([...parts, entry("5", "folder", ""), entry("0", "next.cls", "7"), TAR_END]);
    const [long, next, ...others] = await entriesOf(archive);
    expect(long!.name).toBe(kind.includes("prefix") ? `${LONG.slice(0, 150)}/picture.jpg` : LONG);
    expect(archive.toString("latin1", long!.at, long!.at + long!.bytes)).toBe("bytes");
    expect([next!.name, others]).toEqual(["next.cls", []]);
  });

  it("may give a size in pax or in base 256", async () => {
    const pax = Buffer.concat([entry("x", "pax", paxRecord("size", "3")), tarFile("a.cls", Buffer.from("12345")), TAR_END]);
    expect((await entriesOf(pax)).map(({ bytes }) => bytes)).toEqual([3]);
    const binary = Buffer.from(tarFile("a.cls", Buffer.from("12345")));
    binary.fill(0, 124, 136).writeUInt8(0x80, 124);
    binary.writeUInt8(5, 135);
    binary.fill(" ", 148, 156);
    const sum = binary.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    binary.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    expect((await entriesOf(Buffer.concat([binary, TAR_END]))).map(({ bytes }) => bytes)).toEqual([5]);
  });

  it.each([
    ["a header with another sum", Buffer.concat([tarFile("a", Buffer.from("1")).fill(66, 0, 1), TAR_END]), /damaged at byte 0/],
    ["no tar at all", Buffer.alloc(2048, "photograph "), /damaged at byte 0/],
    ["a pax record of no length", Buffer.concat([entry("x", "pax", "nonsense"), TAR_END]), /pax header is malformed/],
    ["a pax size below zero", Buffer.concat([entry("x", "pax", paxRecord("size", "-1")), TAR_END]), /gives no size/],
    ["nothing", Buffer.alloc(0), /cut off: it ends at byte 0/],
  ])("with %s is refused", async (_, archive, reason) => {
    await expect(entriesOf(archive)).rejects.toThrow(reason);
  });
});
