/** The colours of pages and charts, on light ground and on dark. */

const LIGHT = {
  page: "#f6f5f1",
  card: "#ffffff",
  line: "#e2dfd7",
  text: "#1d2126",
  quiet: "#5d646d",
  one: "#1f5fcf",
  two: "#c2530a",
  good: "#14713f",
  bad: "#b3261e",
  "ramp-from": "#9dbdf0",
  "ramp-to": "#12357a",
  "on-strong": "#ffffff",
  wash: "#eef2fa",
};

const DARK: typeof LIGHT = {
  page: "#121417",
  card: "#1b1e23",
  line: "#31363e",
  text: "#e8eaed",
  quiet: "#a3abb6",
  one: "#7fb0ff",
  two: "#ffa25e",
  good: "#6fd39c",
  bad: "#ff8d84",
  "ramp-from": "#35568c",
  "ramp-to": "#cfe0ff",
  "on-strong": "#0d1117",
  wash: "#1f2734",
};

/**
 * Rules that give `selector` the colours as variables (`--page`), by the reader's preference.
 *
 * @param own further ones, on light ground and on dark
 */
export function colorRules(selector: string, own: readonly [light: Colors, dark: Colors] = [{}, {}]): string {
  const [light, dark] = own;
  return `${selector} { color-scheme: light dark; ${declared({ ...LIGHT, ...light })} }
@media (prefers-color-scheme: dark) { ${selector} { ${declared({ ...DARK, ...dark })} } }
`;
}

export type Colors = Readonly<Record<string, string>>;

function declared(colors: Colors): string {
  return Object.entries(colors)
    .map(([name, color]) => `--${name}: ${color};`)
    .join(" ");
}
