/** Lines of comma-separated values, as RFC 4180 has them. */

/** A cell in quotes where it holds a comma, a quote or a line break; a quote within is doubled. */
export function csvLine(cells: readonly string[]): string {
  return cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",");
}
