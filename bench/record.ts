/**
 * What every benchmark says of one case: one JSON object a line for programs, a table for people. A ratio above 1 always means that
 * ours is better, whichever way the unit counts.
 */
import { alignedTable } from "#rbnet/cli/output";

export type Unit = "images/s" | "ms" | "GMAC/s";

export interface MemoryRecord {
  readonly oursBytes: number;
  readonly peers: Readonly<Record<string, number>>;
  readonly ratios: Readonly<Record<string, number>>;
}

export interface BenchRecord {
  readonly bench: string;
  /** Network, input, batch, backend and threads, such as `rbnet20-w2-32-batch128-wasm-2threads`. */
  readonly case: string;
  readonly unit: Unit;
  readonly ours: number;
  readonly peers: Readonly<Record<string, number>>;
  readonly ratios: Readonly<Record<string, number>>;
  /** What this machine could do at best, in `unit`, and our share of it (0 to 1); none where decoders of others set the limit. */
  readonly limit?: number;
  readonly shareOfLimit?: number;
  /** Where it was measured. */
  readonly memory?: MemoryRecord;
  /** Peers that are not installed: named, never guessed. */
  readonly absent: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  /** Every round's value by contestant (`ours` and the peers), in the order taken: what the medians come from. */
  readonly rounds: Readonly<Record<string, readonly number[]>>;
}

/** Ours against each peer; `better` says whether more or less of the unit is better. */
export function ratios(ours: number, peers: Readonly<Record<string, number>>, better: "more" | "less"): Record<string, number> {
  return Object.fromEntries(
    Object.entries(peers).map(([name, value]) => [name, rounded(better === "more" ? ours / value : value / ours)]),
  );
}

/** To three decimals: what follows is noise. */
export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** One line of JSON. */
export function jsonLine(record: BenchRecord): string {
  return JSON.stringify(record);
}

/** The same for people: one row for us, each peer and the limit. */
export function table(record: BenchRecord): string {
  const versionOf = (name: string): string => record.versions[name] ?? "";
  const rows = [
    ["", record.unit, "ours is", "peak memory", "ours takes", "version"],
    ["ours", String(record.ours), "", mebibytes(record.memory?.oursBytes), "", versionOf("rbnet")],
    ...Object.keys(record.peers).map((name) => [
      name,
      String(record.peers[name]),
      `${record.ratios[name]} x`,
      mebibytes(record.memory?.peers[name]),
      record.memory === undefined ? "" : `1/${record.memory.ratios[name]}`,
      versionOf(name),
    ]),
    ...record.absent.map((name) => [name, "absent", "", "", "", "see bench/README.md"]),
    ...(record.limit === undefined
      ? []
      : [["limit", String(record.limit), `${record.shareOfLimit} x`, "", "", "this machine's best"]]),
  ];
  return [`${record.bench}: ${record.case}`, ...alignedTable(rows, Number.POSITIVE_INFINITY)].join("\n");
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? "" : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
