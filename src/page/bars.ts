/** Labels with their scores as bars. */
import type { Prediction } from "../runtime/classifier.js";

/** Replaces what `list` shows. */
export function showBars(list: Element, predictions: readonly Prediction[]): void {
  list.replaceChildren(...predictions.map(barOf));
}

function barOf({ label, score }: Prediction): HTMLLIElement {
  const item = document.createElement("li");
  const bar = document.createElement("i");
  bar.style.width = `${100 * score}%`;
  const [name, share] = [label, `${(100 * score).toFixed(1)} %`].map((text) => {
    const span = document.createElement("span");
    span.textContent = text;
    return span;
  });
  if (name === undefined || share === undefined) throw new Error("a bar has a name and a share");
  item.append(bar, name, share);
  return item;
}
