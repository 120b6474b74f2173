/**
 * `npm run bench -- chart <file...>`: draws the records that benchmarks have printed with --json, one bar for each peer (how many
 * times faster ours is) or, where there is none, one for our share of the machine's limit. SVG on standard output.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "#rbnet/errors";
import { escapeText } from "#rbnet/markup";

const Drawn = z.object({
  bench: z.string(),
  case: z.string(),
  unit: z.string(),
  ours: z.number(),
  peers: z.record(z.string(), z.number()),
  ratios: z.record(z.string(), z.number()),
  limit: z.number().optional(),
  shareOfLimit: z.number().optional(),
});

export type Drawn = z.infer<typeof Drawn>;

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
}

const WIDTH = 860;
const LABELS = 420;
const ROW = 22;
const HEAD = 34;
const TAIL = 80;

/** @throws UserError where a file cannot be read or a line is no record */
export function readRecords(paths: readonly string[]): readonly Drawn[] {
  return paths.flatMap((path) => {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      throw new UserError(
        `the records ${path} cannot be read (${String((error as NodeJS.ErrnoException).code)}); give a file of --json lines`,
      );
    }
    return text
      .trim()
      .split("\n")
      .map((line, index) => parseRecord(line, `${path}, line ${index + 1}`));
  });
}

function parseRecord(line: string, place: string): Drawn {
  try {
    return Drawn.parse(JSON.parse(line));
  } catch {
    throw new UserError(`${place} is no record of a benchmark; give files that npm run bench has printed with --json`);
  }
}

/** Times faster than each peer, one group a record; or shares of the limit. */
export function chart(records: readonly Drawn[]): string {
  const compared = records.some(({ ratios }) => Object.keys(ratios).length > 0);
  const bars = compared ? records.flatMap(ratioBars) : records.map(shareBar);
  const title = compared ? "Times faster than the peer, or than the first variant" : "Share of the machine's limit";
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const scale = (WIDTH - LABELS - TAIL) / most;
  const height = HEAD + bars.length * ROW + 10;
  const one = (LABELS + scale).toFixed(1);
  const rows = bars.map(({ label, value, text }, index) => {
    const y = HEAD + index * ROW;
    const length = (value * scale).toFixed(1);
    return (
      `<text x="${LABELS - 8}" y="${y + 14}" text-anchor="end">${escapeText(label)}</text>` +
      `<rect x="${LABELS}" y="${y + 3}" width="${length}" height="${ROW - 7}" rx="2" fill="#3b82f6"/>` +
      `<text x="${(LABELS + value * scale + 6).toFixed(1)}" y="${y + 14}">${escapeText(text)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
      `font-family="system-ui, sans-serif" font-size="12" fill="#374151">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="20" font-size="14" font-weight="600">${title}</text>`,
    `<line x1="${one}" y1="${HEAD - 2}" x2="${one}" y2="${height - 6}" stroke="#9ca3af" stroke-dasharray="3 3"/>`,
    ...rows,
    "</svg>",
  ].join("\n");
}

function ratioBars({ case: name, ratios }: Drawn): readonly Bar[] {
  return Object.entries(ratios).map(([peer, ratio]) => ({
    label: `${name}: ${peer}`,
    value: ratio,
    text: `${ratio.toFixed(1)} x`,
  }));
}

function shareBar({ case: name, ours, unit, shareOfLimit = 0 }: Drawn): Bar {
  return { label: name, value: shareOfLimit, text: `${(100 * shareOfLimit).toFixed(0)} %, ${ours.toFixed(0)} ${unit}` };
}
