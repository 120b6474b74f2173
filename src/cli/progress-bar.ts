/** Progress bars on a terminal; nothing where standard error is a file or a program reads along. */
import cliProgress from "cli-progress";
import { memberText } from "../cluster/communicator.js";
import { formatDuration, formatInteger } from "../quantities.js";
import type { StepProgress } from "../training/records/run-records.js";
import { STOP_SIGNALS, type StopSignal } from "./interrupts.js";
import { isSilent } from "./output.js";

const SHARED = { clearOnComplete: true, hideCursor: true, barCompleteChar: "━", barIncompleteChar: " ", barsize: 28 } as const;

/** One bar at a time; a new one starts when the last has been cleared. */
export class ProgressBar {
  private bar: cliProgress.SingleBar | undefined;

  /** @param silent shows nothing even on a terminal */
  constructor(private readonly silent: boolean) {}

  private get shown(): boolean {
    return !this.silent && !isSilent() && process.stderr.isTTY === true;
  }

  readonly decoding = (done: number, total: number): void => {
    this.show(done, total, "reading the data {bar} {value}/{total}", {});
    if (done === total) this.clear();
  };

  readonly classifying = (done: number, total: number): void => {
    this.show(done, total, "classifying {bar} {value}/{total}, {eta_formatted} left", {});
  };

  readonly answering = (done: number, total: number): void => {
    this.show(done, total, "asking the teacher {bar} {value}/{total} views, {eta_formatted} left", {});
  };

  readonly writing = (done: number, total: number): void => {
    this.show(done, total, "writing shards {bar} {value}/{total} images, {eta_formatted} left", {});
  };

  readonly step = ({ stage, epoch, epochs, step, steps, loss, imagesPerSecond, secondsLeft, slowest }: StepProgress): void => {
    const format = "{stage}epoch {epoch}/{epochs} {bar} {value}/{total}  loss {loss}  {rate} images/s{slowest}  {left} left";
    this.show(step, steps, format, {
      slowest: slowest === undefined ? "" : ` (slowest ${memberText(slowest)}: ${formatInteger(slowest.imagesPerSecond)})`,
      stage: stage === undefined ? "" : `stage ${stage}, `,
      epoch,
      epochs,
      loss: loss.toFixed(3),
      rate: formatInteger(imagesPerSecond),
      left: formatDuration(secondsLeft),
    });
  };

  /** Makes room for a line of text. */
  clear(): void {
    this.bar?.stop();
    this.bar = undefined;
    process.off("exit", this.restore);
    for (const signal of STOP_SIGNALS) process.off(signal, this.endBySignal);
  }

  /** A bar hides the cursor and keeps lines from wrapping: however the program ends, the terminal has both back. */
  private readonly restore = (): void => this.clear();

  private readonly endBySignal = (signal: StopSignal): void => {
    // Where the command has a listener of its own, it says what happens.
    if (process.listenerCount(signal) > 1) return;
    this.clear();
    process.kill(process.pid, signal);
  };

  private show(value: number, total: number, format: string, payload: Readonly<Record<string, string | number>>): void {
    if (!this.shown) return;
    if (this.bar === undefined) {
      this.bar = new cliProgress.SingleBar({ ...SHARED, format });
      this.bar.start(total, value, payload);
      process.on("exit", this.restore);
      for (const signal of STOP_SIGNALS) process.on(signal, this.endBySignal);
    } else {
      this.bar.update(value, payload);
    }
  }
}
