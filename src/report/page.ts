/** What pages that a run or a study leaves have in common: one file that loads nothing, in the same looks, with what repeats it. */

import { Markup, markup } from "../markup.js";
import { STYLE } from "./style.js";

export interface Page {
  readonly title: string;
  readonly content: Markup;
  /** Rules beside those of every page. */
  readonly style?: string;
  /** rbnet's. */
  readonly version: string;
}

export function renderPage({ title, content, style = "", version }: Page): string {
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta
  http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title><style>${new Markup(STYLE + style)}</style></head>
<body><main>${content}
<footer>Written by rbnet ${version}. This page loads nothing and can be sent as it is.</footer></main></body></html>
`.text;
}

/** @param settings what the command stands for */
export function repeatSection(command: string, settings: Markup | readonly Markup[]): Markup {
  return markup`<section><h2>To repeat it</h2><pre><code>${command}</code></pre>${settings}</section>`;
}
