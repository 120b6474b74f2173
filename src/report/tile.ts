/** A figure at the head of a page. */
import { type Markup, markup } from "../markup.js";

export function tile(term: string, value: string, note: string, first = false): Markup {
  return markup`<div class="${first ? "first" : ""}"><dt>${term}</dt><dd>${value}</dd><dd class="note">${note}</dd></div>`;
}
