/** The mistakes that the network is most sure of, with their pictures: often they say more about the data than about the network. */

import { type Markup, markup } from "../markup.js";
import { formatShare } from "../quantities.js";
import type { Mistake } from "../training/records/run-records.js";

/** `pictures[i]` is the data URL of mistake i's picture, undefined where it cannot be shown. */
export function mistakesSection(
  mistakes: readonly Mistake[],
  pictures: readonly (string | undefined)[],
  classes: readonly string[],
): Markup {
  if (mistakes.length === 0) return markup`<p>None: every image was classified rightly.</p>`;
  const figures = mistakes.map((mistake, index) => {
    const { label, predicted, score, name } = mistake;
    const [own, other] = [classes[label] ?? "", classes[predicted] ?? ""];
    const picture = pictures[index];
    const image =
      picture === undefined
        ? markup`<div class="missing">no picture</div>`
        : markup`<img src="${picture}" alt="${`${own}, taken for ${other}`}" title="${name}">`;
    return markup`<figure>${image}<figcaption><span class="own">${own}</span><span
      class="other"><em>${other}</em> <b>${formatShare(score)}</b></span><span class="file"
      title="${name}">${name}</span></figcaption></figure>`;
  });
  return markup`<p class="legend"><i class="right"></i>true class <i class="wrong"></i>what the network says, and how sure it is</p><div
    class="mistakes">${figures}</div>`;
}
