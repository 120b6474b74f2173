/** What the commands say: results on standard output, everything else on standard error, colour only where a person looks. */
import type { LeftOut } from "../data/dataset.js";
import { leftOutText } from "../data/formats/left-out.js";
import { formatInteger, formatShare } from "../quantities.js";
import type { SkippedSummary } from "../training/records/run-records.js";
import { asTyped } from "./command-line.js";

let silent = false;

/** From now on nothing is said: another process of the same job speaks for all. */
export function beSilent(): void {
  silent = true;
}

/** A line of results. */
export function print(line: string): void {
  if (silent) return;
  process.stdout.write(`${line}\n`);
}

/** One object a line: what --json promises, and nothing else on standard output. */
export function printJson(value: unknown): void {
  if (silent) return;
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A sentence to the person at the terminal, beside the results. */
export function tell(sentence: string): void {
  if (silent) return;
  process.stderr.write(`rbnet: ${asTyped(sentence)}\n`);
}

/** Says how many images could not be read, and the first few of them with the reason; nothing where there are none. */
export function tellSkipped({ count, named }: SkippedSummary): void {
  if (count === 0) return;
  const shown = named.slice(0, 3).map(({ path, reason }) => `${path} (${reason})`);
  const others = count - shown.length;
  tell(
    "skipped " +
      `${count === 1 ? "an image that cannot be read" : `${formatInteger(count)} images that cannot be read`}: ` +
      `${shown.join(", ")}${others > 0 ? ` and ${formatInteger(others)} more` : ""}`,
  );
}

/** Says what lies beside the images and is none, but for what systems leave behind; nothing where there is nothing. */
export function tellLeftOut(leftOut: readonly LeftOut[]): void {
  const said = leftOut.filter(({ litter }) => litter !== true);
  if (said.length > 0) tell(`left out ${said.map(leftOutText).join(", ")}`);
}

/**
 * A reader that went away (`rbnet ... | head`) ends the program without a complaint. A terminal that went away (EIO) does not: it sends
 * SIGHUP as well, and a training still has its checkpoint to save.
 */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      if (error.code !== "EIO") throw error;
    });
  }
}

/** Whether this process says anything. */
export function isSilent(): boolean {
  return silent;
}

function colored(code: number, text: string): string {
  const wanted = process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "";
  return wanted ? `\u001b[${code}m${text}\u001b[0m` : text;
}

export function bold(text: string): string {
  return colored(1, text);
}

export function dim(text: string): string {
  return colored(2, text);
}

/** "top-1 95.2 %, top-5 99.9 %"; top-5 means nothing among five classes or fewer. */
export function accuracyText({ top1, top5 }: { readonly top1: number; readonly top5: number }, classes: number): string {
  return classes > 5 ? `top-1 ${formatShare(top1)}, top-5 ${formatShare(top5)}` : `top-1 ${formatShare(top1)}`;
}

/** Rows of cells as aligned columns; the first `left` columns are words, the rest numbers. */
export function alignedTable(rows: readonly (readonly string[])[], left: number): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, column: number): string =>
    column < left ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(cell).join("  ").trimEnd());
}

/** A table under dimmed heads; the first `words` columns are words, the rest numbers. */
export function printTable(heads: readonly string[], rows: readonly (readonly string[])[], words: number): void {
  const [head = "", ...lines] = alignedTable([heads, ...rows], words);
  print(dim(head));
  for (const line of lines) print(line);
}

/** Three digits, from microseconds to seconds. */
export function milliseconds(value: number): string {
  return value.toFixed(value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0);
}
