/** Ctrl-C (and SIGTERM, and a terminal that goes away): the first asks for an orderly end, the second ends at once. */

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type StopSignal = keyof typeof EXIT_CODES;

export const STOP_SIGNALS = Object.keys(EXIT_CODES) as readonly StopSignal[];

export class Interrupts implements Disposable {
  private received: StopSignal | undefined;
  private readonly listeners: readonly (readonly [StopSignal, () => void])[];

  /** @param onFirst called at the first signal; the program goes on until it ends by itself */
  constructor(onFirst: () => void) {
    this.listeners = STOP_SIGNALS.map((signal) => {
      const listener = (): void => {
        // Node takes away what `nohup` has set: without a terminal, one that closes is not the program's business.
        if (signal === "SIGHUP" && process.stderr.isTTY !== true) return;
        if (this.received !== undefined) process.exit(EXIT_CODES[signal]);
        this.received = signal;
        onFirst();
      };
      process.on(signal, listener);
      return [signal, listener];
    });
  }

  /** Exit code of a program that a signal ended; 130 where none came. */
  get exitCode(): number {
    return EXIT_CODES[this.received ?? "SIGINT"];
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.listeners) process.off(signal, listener);
  }
}
