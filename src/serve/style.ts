/** The looks of the page that `rbnet serve` shows: light and dark by the reader's preference, one column on a phone. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --page: #f6f5f1; --card: #ffffff; --line: #e2dfd7; --text: #1d2126; --quiet: #5d646d; --one: #1f5fcf;
  --wash: #eef2fa; --bad: #b3261e; --on: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --page: #121417; --card: #1b1e23; --line: #31363e; --text: #e8eaed; --quiet: #a3abb6;
  --one: #7fb0ff; --wash: #1f2734; --bad: #ff8d84; --on: #0d1117; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0 0 10px; }
p { margin: 0 0 12px; }
.quiet { color: var(--quiet); font-size: 0.9rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 16px 0 24px; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 10px 14px; min-width: 0; }
.facts dt { color: var(--quiet); font-size: 0.82rem; }
.facts dd { margin: 0; font-size: 1.2rem; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.facts .wide { grid-column: span 2; } .facts .wide dd { font-size: 1rem; }
.facts select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  max-width: 100%; }
.inputs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 16px; align-items: stretch; }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px; display: flex;
  flex-direction: column; min-width: 0; }
.drop { flex: 1; min-height: 150px; display: grid; place-content: center; text-align: center; gap: 8px; border: 2px dashed var(--line);
  border-radius: 10px; padding: 16px; cursor: pointer; }
.drop:hover, .drop:focus-within, .drop.over { border-color: var(--one); background: var(--wash); }
.drop input { position: absolute; opacity: 0; width: 1px; height: 1px; }
.button, button { font: inherit; font-weight: 600; color: var(--on); background: var(--one); border: 0; border-radius: 8px;
  padding: 8px 16px; cursor: pointer; }
button.plain { background: none; color: var(--one); padding: 8px 4px; }
button:focus-visible, .drop:focus-within, canvas:focus-visible { outline: 3px solid color-mix(in oklab, var(--one) 50%, transparent);
  outline-offset: 2px; }
.stage { position: relative; width: 100%; aspect-ratio: 1; max-width: 320px; margin: 0 auto 12px; border-radius: 10px; overflow: hidden;
  background: var(--wash); }
.stage video, .stage canvas { width: 100%; height: 100%; object-fit: cover; display: block; }
.stage canvas { touch-action: none; cursor: crosshair; image-rendering: pixelated; }
.row { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; justify-content: center; margin-bottom: 8px; }
.swatch { width: 30px; height: 30px; padding: 0; border-radius: 50%; border: 2px solid var(--line); }
.swatch[aria-pressed="true"] { outline: 3px solid var(--text); outline-offset: 2px; }
.results { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 16px; grid-column: 1 / -1; }
.results:empty, .status:empty { display: none; }
#camera:not(.live) .stage { display: none; } #camera:not(.live) .row { flex: 1; }
.result { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px; display: grid;
  grid-template-columns: 88px minmax(0, 1fr); gap: 14px; align-items: start; }
.result img { width: 88px; height: 88px; object-fit: cover; border-radius: 8px; background: var(--wash); }
.result .name { grid-column: 1 / -1; font-size: 0.82rem; color: var(--quiet); white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
.result.failed { border-color: var(--bad); display: block; } .failed p { margin: 0; color: var(--bad); }
.bars { list-style: none; margin: 0; padding: 0; display: grid; gap: 5px; }
.bars li { position: relative; display: flex; justify-content: space-between; gap: 8px; padding: 1px 8px; border-radius: 6px;
  background: var(--wash); overflow: hidden; font-size: 0.9rem; }
.bars li > span { position: relative; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bars li > span:last-child { flex: none; font-variant-numeric: tabular-nums; }
.bars i { position: absolute; inset: 0 auto 0 0; background: color-mix(in oklab, var(--one) 32%, transparent); }
.bars li:first-child { font-weight: 650; }
@media (max-width: 560px) { #camera, #drawing { order: 1; } main { padding: 20px 12px 48px; } h1 { font-size: 1.5rem; }
  .facts { grid-template-columns: 1fr 1fr; gap: 8px; } .facts dd { font-size: 1.05rem; } }
`;
