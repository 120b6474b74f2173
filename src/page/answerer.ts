/** The model of the page: answers pictures one at a time and keeps the time that the network takes. */
import { type BrowserImage, decodeBrowserImage } from "../browser/decode-image.js";
import type { Classify, Prediction } from "../browser/load-model.js";
import { median } from "../quantile.js";

const SHOWN = 5;
/** Times that the shown median is of. */
const REMEMBERED = 25;

export class Answerer {
  private readonly times: number[] = [];
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly classify: Classify<BrowserImage>,
    private readonly showLatency: (milliseconds: number) => void,
  ) {}

  /** Decoding a picture is the browser's work and not counted; pictures wait for each other, so that no time is counted twice. */
  answer(image: BrowserImage): Promise<readonly Prediction[]> {
    const next = this.last.then(() => this.timed(image));
    this.last = next.catch(() => undefined);
    return next;
  }

  private async timed(image: BrowserImage): Promise<readonly Prediction[]> {
    const { size } = this.classify.facts;
    const pixels = { data: await decodeBrowserImage(image, size), width: size, height: size };
    const start = performance.now();
    const predictions = await this.classify(pixels, { top: SHOWN });
    this.times.push(performance.now() - start);
    if (this.times.length > REMEMBERED) this.times.shift();
    this.showLatency(median(this.times));
    return predictions;
  }
}
