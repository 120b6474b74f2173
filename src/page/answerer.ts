/** The model of the page, on one device or two: answers pictures one at a time and keeps the time that the network takes on each. */
import { type BrowserImage, decodeBrowserImage } from "../browser/decode-image.js";
import type { Classify, Prediction } from "../browser/load-model.js";
import { median } from "../quantile.js";

const SHOWN = 5;
/** Times that the shown median is of. */
const REMEMBERED = 25;
/** Runs that a device is measured by, after one that compiles. */
const MEASURED = 5;

export type PageDevice = "wasm" | "webgpu";

interface Loaded {
  readonly classify: Classify<BrowserImage>;
  readonly times: number[];
}

/** What the page shows: what answers, and the median milliseconds of each device that has any. */
export type Shown = (backend: string, milliseconds: ReadonlyMap<PageDevice, number>) => void;

export class Answerer {
  private readonly loaded = new Map<PageDevice, Loaded>();
  private device: PageDevice = "wasm";
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    classify: Classify<BrowserImage>,
    private readonly show: Shown,
  ) {
    this.add("wasm", classify);
    this.showTimes();
  }

  has(device: PageDevice): boolean {
    return this.loaded.has(device);
  }

  add(device: PageDevice, classify: Classify<BrowserImage>): void {
    this.loaded.set(device, { classify, times: [] });
  }

  /** Answers from here on are of this device. */
  use(device: PageDevice): void {
    this.device = device;
    this.showTimes();
  }

  /** Decoding a picture is the browser's work and not counted; pictures wait for each other, so that no time is counted twice. */
  answer(image: BrowserImage): Promise<readonly Prediction[]> {
    return this.queued(async () => {
      const { classify, times } = this.current();
      const { size } = classify.facts;
      const pixels = { data: await decodeBrowserImage(image, size), width: size, height: size };
      const predictions = await timed(classify, pixels, times);
      this.showTimes();
      return predictions;
    });
  }

  /** Takes times on all devices, of a black picture. */
  measure(): Promise<void> {
    return this.queued(async () => {
      for (const { classify, times } of this.loaded.values()) {
        const { size } = classify.facts;
        const black = { data: new Uint8Array(size * size * 3), width: size, height: size };
        await classify(black);
        for (let run = 0; run < MEASURED; run++) await timed(classify, black, times);
      }
    });
  }

  private queued<T>(task: () => Promise<T>): Promise<T> {
    const next = this.last.then(task);
    this.last = next.catch(() => undefined);
    return next;
  }

  private current(): Loaded {
    const loaded = this.loaded.get(this.device);
    if (loaded === undefined) throw new Error(`nothing is loaded on ${this.device}`);
    return loaded;
  }

  private showTimes(): void {
    const measured = [...this.loaded].filter(([, { times }]) => times.length > 0);
    this.show(this.current().classify.facts.backend, new Map(measured.map(([device, { times }]) => [device, median(times)])));
  }
}

async function timed(classify: Classify<BrowserImage>, image: BrowserImage, times: number[]): Promise<readonly Prediction[]> {
  const start = performance.now();
  const predictions = await classify(image, { top: SHOWN });
  times.push(performance.now() - start);
  if (times.length > REMEMBERED) times.shift();
  return predictions;
}
