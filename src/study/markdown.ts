/** results.md: the comparison for a repository's page, with the command that repeats it. */
import type { StudyResults } from "./results.js";
import { resultsNotes, resultsTable } from "./table.js";

export function resultsMarkdown(results: StudyResults): string {
  const { heads, words, rows } = resultsTable(results);
  const line = (cells: readonly string[]): string => `| ${cells.map(cellText).join(" | ")} |`;
  const rule = heads.map((_, column) => (column < words ? "---" : "---:"));
  const settings = results.rows.map(({ name, settings: own }) => `- ${cellText(name)}: \`${JSON.stringify(own)}\``);
  return [
    `# ${results.study}`,
    "",
    "![Top-1 accuracy against operations](chart.svg)",
    "",
    line(heads),
    `| ${rule.join(" | ")} |`,
    ...rows.map(line),
    "",
    ...resultsNotes(results).flatMap((note) => [cellText(note), ""]),
    "```sh",
    results.command,
    "```",
    "",
    "Settings of each row, all of them:",
    "",
    ...settings,
    "",
    `Written by rbnet ${results.version}.`,
    "",
  ].join("\n");
}

/** A name is text: no cell ends in it, and nothing of it is taken for markup. */
function cellText(text: string): string {
  return text.replace(/[\\|`*_<>[\]]/g, (character) => `\\${character}`);
}
