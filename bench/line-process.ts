/**
 * A child process that answers one line of JSON to each line it is asked, and blocks on its standard input in between:
 * so that two competitors can take turns on the same machine without disturbing each other.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** How to start a child: a program, its arguments and what to add to the environment. */
export interface ChildCommand {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const STDERR_TAIL = 2_000;

export class LineProcess {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly lines: Interface;
  private readonly unread: string[] = [];
  private waiting: { resolve: (line: string) => void; reject: (reason: Error) => void } | undefined;
  private stderr = "";
  private ended: Error | undefined;

  /** Starts the child. `name` is what its errors call it. */
  constructor(
    readonly name: string,
    command: ChildCommand,
  ) {
    this.child = spawn(command.program, [...command.arguments], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...command.environment },
    });
    this.child.stderr.setEncoding("utf8");
    this.child.stderr.on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-STDERR_TAIL);
    });
    this.child.stdin.on("error", () => {
      // The pipe of a child that died: `close` reports why, with what the child said.
    });
    this.lines = createInterface({ input: this.child.stdout });
    this.lines.on("line", (line) => this.deliver(line));
    this.child.on("error", (error) => this.end(new Error(`${name} could not be started: ${error.message}`)));
    this.child.on("close", (code, signal) => {
      const said = this.stderr.trim();
      this.end(new Error(`${name} ended with ${signal ?? `exit code ${code}`}${said === "" ? "" : `: ${said}`}`));
    });
  }

  /** Sends one line and waits for the answer. Rejects when the child ends first, or answers something else than JSON. */
  async ask(line: string): Promise<unknown> {
    this.child.stdin.write(`${line}\n`);
    return this.next();
  }

  /** The child's next line, parsed: for what it says unasked, such as that it is ready. */
  async next(): Promise<unknown> {
    const line = await this.nextLine();
    try {
      return JSON.parse(line);
    } catch {
      throw new Error(`${this.name} answered "${line.slice(0, 200)}" where one line of JSON was expected`);
    }
  }

  /** Asks the child to quit, and ends it if it has not done so within `patienceMs`. */
  async quit(patienceMs = 5_000): Promise<void> {
    if (this.ended !== undefined) return;
    const closed = new Promise<void>((resolve) => this.child.once("close", () => resolve()));
    this.child.stdin.end("quit\n");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), patienceMs);
    await closed;
    clearTimeout(timer);
  }

  private nextLine(): Promise<string> {
    const line = this.unread.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.ended !== undefined) return Promise.reject(this.ended);
    if (this.waiting !== undefined) return Promise.reject(new Error(`${this.name} was asked twice at once`));
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  private deliver(line: string): void {
    const waiting = this.waiting;
    this.waiting = undefined;
    if (waiting === undefined) this.unread.push(line);
    else waiting.resolve(line);
  }

  private end(reason: Error): void {
    this.ended ??= reason;
    const waiting = this.waiting;
    this.waiting = undefined;
    waiting?.reject(this.ended);
  }
}
