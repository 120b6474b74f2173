/** The report's looks: light and dark by the reader's preference, one column on a phone, nothing loaded from anywhere. */

import { colorRules } from "./colors.js";

const PAGE = `
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 44px 0 4px; }
h3 { font-size: 1rem; margin: 0 0 6px; }
p { margin: 0 0 12px; }
.quiet { color: var(--quiet); font-size: 0.9rem; }
section > p { max-width: 75ch; }
.status { display: inline-block; margin: 0 0 12px; padding: 1px 10px; border-radius: 99px; background: var(--wash); color: var(--one);
  font-size: 0.85rem; font-weight: 600; }
.scroll { overflow-x: auto; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr)); gap: 16px; align-items: start; }
.card { margin: 0; padding: 14px 16px 10px; background: var(--card); border: 1px solid var(--line); border-radius: 12px; min-width: 0; }
.pair svg { max-width: 430px; margin: 0 auto; }
figcaption { font-weight: 600; font-size: 0.95rem; }
.legend { font-weight: 400; font-size: 0.85rem; color: var(--quiet); white-space: nowrap; }
figcaption .legend { float: right; } p.legend { white-space: normal; } p.legend i:first-child { margin-left: 0; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin: 0 5px 0 8px; background: var(--one); }
.legend i.two { background: var(--two); } .legend i.right { background: var(--good); } .legend i.wrong { background: var(--bad); }
.legend i.before { background: none; border: 2px solid var(--quiet); border-radius: 50%; } .legend i.before + i { border-radius: 50%; }
.legend i.ramp { width: 44px; background: linear-gradient(90deg, var(--ramp-from), var(--ramp-to)); }
footer { margin-top: 48px; color: var(--quiet); font-size: 0.85rem; }
@media (max-width: 560px) { main { padding: 20px 12px 48px; } h1 { font-size: 1.5rem; } }
`;

const HEADLINE = `
.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); gap: 12px; margin: 8px 0 0; padding: 0; }
.headline div { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 12px 16px; }
.headline dt { color: var(--quiet); font-size: 0.85rem; }
.headline dd { margin: 0; font-size: 1.5rem; font-weight: 650; white-space: nowrap; line-height: 1.25; font-variant-numeric: tabular-nums; }
.headline dd.note { white-space: normal; font-size: 0.82rem; font-weight: 400; color: var(--quiet); }
.headline .first { background: var(--one); border-color: var(--one); }
.headline .first dt, .headline .first dd, .headline .first dd.note { color: var(--on-strong); }
.headline .first dd:not(.note) { font-size: 2.1rem; line-height: 1.1; }
@media (max-width: 560px) { .headline .first { grid-column: 1 / -1; } .headline dd:not(.note) { font-size: 1.25rem; } }
`;

const CHARTS = `
svg { display: block; width: 100%; height: auto; font-family: inherit; }
.grid { stroke: var(--line); stroke-width: 1; } .tick { font-size: 11.5px; fill: var(--quiet); font-variant-numeric: tabular-nums; }
polyline { fill: none; stroke: var(--one); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
polyline.two { stroke: var(--two); }
polyline.depth { stroke-width: 1.5; stroke: color-mix(in oklab, var(--ramp-to) var(--depth), var(--ramp-from)); }
circle { fill: var(--one); } circle.two { fill: var(--two); }
.readout { font-size: 12.5px; fill: var(--text); font-variant-numeric: tabular-nums; }
.at rect { fill: transparent; } .at line { stroke: var(--quiet); stroke-dasharray: 3 3; }
.at circle { fill: var(--card); stroke: var(--text); stroke-width: 1.5; }
.at > :not(rect) { opacity: 0; pointer-events: none; } .at:hover > :not(rect) { opacity: 1; } .chart:has(.at:hover) .last { opacity: 0; }
.balance .row { fill: transparent; } .balance g:hover .row { fill: var(--wash); }
.half { stroke: var(--text); stroke-width: 1.5; stroke-dasharray: 4 3; }
.reach { stroke: var(--one); stroke-width: 3; opacity: 0.45; } circle.before { fill: var(--card); stroke: var(--quiet); stroke-width: 1.5; }
`;

const CONFUSION = `
.confusion { display: grid; grid-template-columns: minmax(0, 1.5fr) minmax(0, 1fr); gap: 28px; align-items: start; }
.heat { margin: 0; min-width: 0; } .heat figcaption { font-weight: 400; margin-top: 8px; }
.heat .name { font-size: 13px; fill: var(--text); }
.heat .ground { fill: var(--card); stroke: var(--line); } .heat rect.hit { fill: var(--one); } .heat rect.miss { fill: var(--two); }
.heat rect:not(.ground) { fill-opacity: var(--heat); }
.heat g text { font-size: 13px; font-variant-numeric: tabular-nums; pointer-events: none; } .heat .strong { fill: var(--on-strong); }
.heat .weak { fill: var(--text); } .heat g:hover rect { stroke: var(--text); stroke-width: 2; }
.lists { display: grid; gap: 24px; min-width: 0; } .lists > div { min-width: 0; }
.meter { width: 40%; min-width: 60px; }
.meter i { display: block; height: 8px; border-radius: 4px;
  background: linear-gradient(var(--one), var(--one)) 0 0 / var(--share) 100% no-repeat, var(--line); }
@media (max-width: 860px) { .confusion { grid-template-columns: minmax(0, 1fr); } }
`;

const LISTS = `
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } .wide td { white-space: nowrap; }
tfoot td { font-weight: 650; border-bottom: 0; }
.number:last-child { padding-right: 0; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 14px; }
.mistakes figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; min-width: 0; }
.mistakes img, .missing { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; image-rendering: pixelated;
  background: var(--wash); } .missing { display: grid; place-items: center; color: var(--quiet); font-size: 0.85rem; }
.mistakes figcaption { padding: 8px 10px 9px; font-size: 0.88rem; font-weight: 400; line-height: 1.35; }
.mistakes span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.mistakes .other { display: flex; gap: 6px; justify-content: space-between; } .other b { font-weight: 650; white-space: nowrap; }
.other em { font-style: normal; overflow: hidden; text-overflow: ellipsis; }
.own { color: var(--good); font-weight: 650; } .other { color: var(--bad); }
.file { color: var(--quiet); font-size: 0.75rem; direction: rtl; text-align: left; unicode-bidi: plaintext; }
details { margin-top: 14px; } summary { cursor: pointer; color: var(--one); }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; overflow-x: auto;
  font-size: 0.88rem; margin: 8px 0 16px; }
.settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); gap: 0 28px; margin: 0;
  font-size: 0.9rem; }
.settings div { display: flex; justify-content: space-between; gap: 12px; border-bottom: 1px solid var(--line); padding: 5px 0; }
.settings dt { color: var(--quiet); } .settings dd { margin: 0; text-align: right; overflow-wrap: anywhere; min-width: 0; }
`;

export const STYLE = [colorRules(":root"), PAGE, HEADLINE, CHARTS, CONFUSION, LISTS].join("");
