/** The documentation as a site: every page is in it, every link leads somewhere, and the commands that it names exist. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { beforeAll, describe, expect, it } from "vitest";
import { createProgram } from "#rbnet/cli/program";
import { temporaryFolder } from "./temporary-folder.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const { buildSite, PAGES }: { buildSite: (out: string) => Promise<boolean>; PAGES: readonly string[] } = await import(
  `${root}/scripts/build-site.mjs`
);
const site = temporaryFolder();
const program = await createProgram();

/** Files below a folder, by their paths in it. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => path.replaceAll("\\", "/"));
}

describe("the documentation's site", () => {
  let isWhole = false;
  beforeAll(async () => {
    isWhole = await buildSite(site);
  }, 180_000);

  it("is built without a warning, of every page in docs/", () => {
    expect(isWhole).toBe(true);
    const pages = readdirSync(`${root}/docs`).filter((name) => name.endsWith(".md"));
    expect(PAGES.map((page) => `${page}.md`).toSorted()).toEqual(pages.toSorted());
    expect(readdirSync(join(site, "documents")).length).toBe(PAGES.length);
  });

  it("has no link that leads nowhere", () => {
    const files = new Set(filesIn(site));
    const pages = [...files].filter((file) => file.endsWith(".html"));
    expect(pages.length).toBeGreaterThan(60);
    const dead = pages.flatMap((page) => {
      const links = [...readFileSync(join(site, page), "utf8").matchAll(/\b(?:href|src)="([^"#?]+)(?:[?#][^"]*)?"/g)].map(
        ([, to = ""]) => decodeURI(to.replaceAll("&amp;", "&")),
      );
      const inside = links.filter((to) => !/^[a-z]+:/.test(to));
      const reached = inside.map((to) => new URL(to, `file:///${page}`).pathname.slice(1)).map(decodeURI);
      return reached.filter((path) => !files.has(path)).map((path) => `${page} -> ${path}`);
    });
    expect(dead).toEqual([]);
  });

  it("shows nothing of the machine that it was built on", () => {
    const told = filesIn(site).filter((file) => file.endsWith(".html") && readFileSync(join(site, file), "utf8").includes(root));
    expect(told).toEqual([]);
  });
});

describe("commands in README and documents", () => {
  /** Words after `npx rbnet`, line by line, with continued lines put together and comments left out. */
  const commands = ["README.md", ...PAGES.map((page) => `docs/${page}.md`)].flatMap((file) => {
    const text = readFileSync(`${root}/${file}`, "utf8").replaceAll(/\\\n\s*/g, " ");
    const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block);
    const lines = blocks.flatMap((block) => block.split("\n")).filter((line) => line.startsWith("npx rbnet "));
    return lines.map((line) => ({
      file,
      words: line
        .replace(/ #.*| [|>].*/, "")
        .trim()
        .split(/\s+/)
        .slice(2),
    }));
  });

  it("are there", () => {
    expect(commands.length).toBeGreaterThan(30);
  });

  it.each(commands.map(({ file, words }) => [file, words.join(" "), words] as const))(
    "%s: rbnet %s",
    (_, __, [name = "", ...rest]) => {
      const command = program.commands.find((one: Command) => one.name() === name);
      expect(command, `there is no command ${name}`).toBeDefined();
      for (const word of rest.filter((one) => /^--\w/.test(one))) {
        const flag = word.split("=")[0];
        const known = command?.options.some(({ long, negate }) => long === flag || (negate && long === flag));
        expect(known, `${name} has no ${flag}`).toBe(true);
      }
    },
  );
});
