/**
 * Builds the documentation as a static site in docs/site: README and the pages of docs/ in their order, and the API's pages, by TypeDoc. A
 * page's title is its first heading. Fails where a link leads nowhere.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application, LogLevel } from "typedoc";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** In the order in which a newcomer reads them. */
export const PAGES = [
  "start",
  "images",
  "imagenet",
  "training",
  "fine-tuning",
  "small-data",
  "recipes",
  "studies",
  "cluster",
  "gpu",
  "shipping",
  "serving",
  "ecosystem",
  "interop",
  "microcontrollers",
  "model-file",
  "networks",
  "architecture",
  "results",
  "short-runs",
  "performance",
  "agreement",
];
/** What the pages link to, besides one another. */
const BESIDE = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "LICENSE",
  "package.json",
  "tsconfig.json",
  "models",
  "examples",
  "studies",
  "bench/README.md",
];

/** A wide table or figure scrolls by itself on a phone. */
const STYLE = ".tsd-typography table { display: block; overflow-x: auto; } .tsd-typography img { max-width: 100%; }\n";

/** Titles are written into the copies, where TypeDoc looks for them; in the repository they would be a table above each page. */
function copyPages(folder) {
  cpSync(join(root, "docs"), join(folder, "docs"), { recursive: true, filter: (path) => !/docs.(site|api)$/.test(path) });
  for (const name of BESIDE) cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const name of ["src", "dist", "node_modules"]) symlinkSync(join(root, name), join(folder, name), "junction");
  for (const page of PAGES) {
    const file = join(folder, "docs", `${page}.md`);
    const text = readFileSync(file, "utf8");
    const [heading = ""] = text.split("\n", 1);
    if (!heading.startsWith("# ")) throw new Error(`docs/${page}.md does not begin with a heading`);
    writeFileSync(file, `---\ntitle: ${JSON.stringify(heading.slice(2))}\n---\n${text}`);
  }
}

/** @returns whether all links lead somewhere */
export async function buildSite(out) {
  const folder = mkdtempSync(join(tmpdir(), "rbnet-site-"));
  try {
    copyPages(folder);
    writeFileSync(join(folder, "site.css"), STYLE);
    const application = await Application.bootstrap({
      name: "rbnet",
      basePath: folder,
      entryPoints: [join(root, "src/index.ts")],
      tsconfig: join(root, "tsconfig.json"),
      readme: join(folder, "README.md"),
      projectDocuments: PAGES.map((page) => join(folder, "docs", `${page}.md`)),
      customCss: join(folder, "site.css"),
      sort: ["documents-first", "source-order"],
      excludeInternal: true,
      excludePrivate: true,
      disableSources: true,
      githubPages: false,
      highlightLanguages: ["bash", "sh", "ts", "js", "json", "html", "python", "c"],
      validation: { invalidLink: true, notExported: false, invalidPath: true, rewrittenLink: true, notDocumented: false },
      logLevel: LogLevel.Warn,
      treatWarningsAsErrors: true,
    });
    const project = await application.convert();
    if (project === undefined) return false;
    application.validate(project);
    await application.generateDocs(project, out);
    return !application.logger.hasErrors() && !application.logger.hasWarnings();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && basename(process.argv[1]) === "build-site.mjs") {
  const out = join(root, "docs/site");
  if (await buildSite(out)) console.log(`${out}/index.html`);
  else process.exitCode = 1;
}
