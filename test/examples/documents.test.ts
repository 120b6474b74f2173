/** The programs in README and documents run as they stand, as JavaScript, on the least Node that is supported, one after the other. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const documents = ["README.md", ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith(".md"),
);

/** The blocks of a document that import the package. */
function programsIn(document: string): readonly string[] {
  const text = readFileSync(`${root}${document}`, "utf8");
  const blocks = [...text.matchAll(/^```(?:ts|js)\n([\s\S]*?)^```/gm)].map(([, code = ""]) => code);
  return blocks.filter((code) => /from "rbnet/.test(code));
}

/** A folder with the package installed, photos by class, and one more. */
async function workplace(): Promise<string> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "rbnet"), "junction");
  for (const [name, red] of [
    ["cat", 250],
    ["dog", 20],
  ] as const) {
    mkdirSync(join(folder, "photos", name), { recursive: true });
    for (let i = 0; i < 80; i++) {
      const background = { r: red, g: 3 * i, b: 40 };
      const picture = sharp({ create: { width: 40, height: 40, channels: 3, background } });
      await picture.jpeg().toFile(join(folder, "photos", name, `${i}.jpg`));
    }
  }
  writeFileSync(join(folder, "cat.jpg"), readFileSync(join(folder, "photos/cat/1.jpg")));
  return folder;
}

describe("the programs in the documents", () => {
  it("are there, and are JavaScript for every Node that is supported", () => {
    const programs = documents.flatMap(programsIn);
    expect(programs.length).toBeGreaterThan(2);
    for (const code of programs) expect(code).not.toMatch(/^\s*(?:await )?using /m);
  });

  it.each(documents.filter((document) => programsIn(document).length > 0))(
    "of %s run",
    { timeout: 120_000 },
    async (document) => {
      const folder = await workplace();
      for (const [index, code] of programsIn(document).entries()) {
        const program = join(folder, `program-${index}.mjs`);
        // As it stands, but for the length of the training.
        writeFileSync(program, code.replace(/epochs: \d+/, "epochs: 2"));
        const said = execFileSync(process.execPath, [program], { cwd: folder, encoding: "utf8" });
        expect(said).not.toBe("");
      }
    },
  );
});
