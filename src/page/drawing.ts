/** A canvas to draw on, answered while one draws: for models of shapes. */
import type { Answerer } from "./answerer.js";
import { showBars } from "./bars.js";

const BACKGROUND = "#9aa4ad";
/** Of the canvas' width. */
const PEN_SHARE = 0.16;

export function acceptDrawing(panel: Element, answerer: Answerer): void {
  const [canvas, bars, clearButton] = [
    panel.querySelector("canvas"),
    panel.querySelector(".bars"),
    panel.querySelector(".clear"),
  ];
  const context = canvas?.getContext("2d", { willReadFrequently: true });
  if (canvas === null || bars === null || clearButton === null || context === null || context === undefined)
    throw new Error("the page has no place to draw");
  let colour = "#d0342c";
  let last: readonly [number, number] | undefined;
  let busy = false;

  const clear = (): void => {
    context.fillStyle = BACKGROUND;
    context.fillRect(0, 0, canvas.width, canvas.height);
    bars.replaceChildren();
  };
  const place = (event: PointerEvent): readonly [number, number] => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };
  const line = ([fromX, fromY]: readonly [number, number], [toX, toY]: readonly [number, number]): void => {
    context.strokeStyle = colour;
    context.lineWidth = canvas.width * PEN_SHARE;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    context.stroke();
  };
  const answer = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    showBars(bars, await answerer.answer(context.getImageData(0, 0, canvas.width, canvas.height)));
    busy = false;
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    line(last, last);
    void answer();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === undefined) return;
    const next = place(event);
    line(last, next);
    last = next;
    void answer();
  });
  for (const end of ["pointerup", "pointercancel"] as const) {
    canvas.addEventListener(end, () => {
      last = undefined;
      void answer();
    });
  }
  clearButton.addEventListener("click", clear);
  const swatches = [...panel.querySelectorAll<HTMLElement>(".swatch")];
  const choose = (chosen: string): void => {
    colour = chosen;
    for (const swatch of swatches) swatch.setAttribute("aria-pressed", String(swatch.dataset.colour === chosen));
  };
  for (const swatch of swatches) {
    swatch.style.background = swatch.dataset.colour ?? "";
    swatch.addEventListener("click", () => choose(swatch.dataset.colour ?? colour));
  }
  choose(colour);
  clear();
}
