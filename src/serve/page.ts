/** The page that `rbnet serve` shows: what the model is, three ways to give it a picture, and room for its answers. */
import { escapeText } from "../markup.js";

/** What the page says of the model, and what its script reads. */
export interface PageFacts {
  readonly name: string;
  readonly classes: readonly string[];
  /** Side of the input in pixels. */
  readonly size: number;
  /** For people: "117 KB". */
  readonly fileSize: string;
  /** For people: "0.98 M". */
  readonly ops: string;
  /** The model knows shapes that can be drawn by hand. */
  readonly drawable: boolean;
}

/** JSON that may stand in a script element, whatever is in its strings. */
function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

const COLOURS = ["#111111", "#ffffff", "#d0342c", "#1f5fcf", "#1c8a4a", "#e0a100"];

export function renderPage(facts: PageFacts): string {
  const { name, size, fileSize, ops, classes, drawable } = facts;
  const drawing = `
    <section class="panel" id="drawing"${drawable ? "" : " hidden"}>
      <h2>Draw</h2>
      <div class="stage"><canvas width="${size * 8}" height="${size * 8}" tabindex="0" aria-label="Drawing area"></canvas></div>
      <div class="row" role="group" aria-label="Colour of the pen">${COLOURS.map(
        (colour) => `<button class="swatch" type="button"
        data-colour="${colour}" aria-label="${colour}"></button>`,
      ).join("")}</div>
      <div class="row"><button type="button" class="clear">Clear</button></div>
      <ol class="bars" aria-live="polite"></ol>
    </section>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(name)} · rbnet</title>
<link rel="stylesheet" href="style.css">
<link rel="icon" href="data:,">
<script type="application/json" id="facts">${scriptJson(facts)}</script>
<script type="module" src="code/page/app.js"></script>
</head>
<body>
<main>
  <h1>${escapeText(name)}</h1>
  <p class="quiet">Knows ${classes.length} classes. The network runs in this page: no picture leaves this device.</p>
  <dl class="facts">
    <div><dt>model file</dt><dd>${escapeText(fileSize)}</dd></div>
    <div><dt>OPs an image</dt><dd>${escapeText(ops)}</dd></div>
    <div><dt>input</dt><dd>${size} × ${size}</dd></div>
    <div><dt>time an image</dt><dd id="latency">–</dd></div>
    <div id="device" hidden><dt>device</dt><dd><select aria-label="Device"><option value="wasm">processor</option><option
      value="webgpu">GPU</option></select></dd></div>
    <div class="wide"><dt>runs on</dt><dd id="backend">loading the model …</dd></div>
  </dl>
  <p class="status" id="status" role="status"></p>
  <div class="inputs">
    <section class="panel" id="pictures">
      <h2>Pictures</h2>
      <label class="drop"><input type="file" accept="image/*" multiple><span class="button">Choose pictures</span><span
        class="quiet">or drop or paste them anywhere</span></label>
    </section>
    <section class="panel" id="camera">
      <h2>Camera</h2>
      <div class="stage"><video playsinline muted></video></div>
      <div class="row"><button type="button">Start the camera</button></div>
      <ol class="bars"></ol>
    </section>${drawing}
    <div class="results" id="results" aria-live="polite"></div>
  </div>
</main>
</body>
</html>
`;
}
