/** What signals do to a program that works for hours, and to the terminal that it draws on. */
import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { Interrupts } from "#rbnet/cli/interrupts";

const isTTY = process.stderr.isTTY;
const onTerminal = (yes: boolean): void =>
  void Object.defineProperty(process.stderr, "isTTY", { value: yes, configurable: true });
afterEach(() => onTerminal(isTTY));

/** Signals that ask for an orderly end, and the exit code; undefined where none of these did. */
function asked(signal: NodeJS.Signals): number | undefined {
  let count = 0;
  const interrupts = new Interrupts(() => count++);
  process.emit(signal, signal);
  const { exitCode } = interrupts;
  interrupts[Symbol.dispose]();
  return count === 0 ? undefined : exitCode;
}

describe("interrupts", () => {
  it("ask for an orderly end by Ctrl-C, by a request, and by a terminal that goes away", () => {
    onTerminal(true);
    expect([asked("SIGINT"), asked("SIGTERM"), asked("SIGHUP")]).toEqual([130, 143, 129]);
  });

  it("let a program that has no terminal go on when one closes", () => {
    onTerminal(false);
    expect([asked("SIGTERM"), asked("SIGHUP")]).toEqual([143, undefined]);
  });
});

const PROGRESS = new URL("../../dist/cli/progress-bar.js", import.meta.url).href;
const hasScript = spawnSync("script", ["--version"]).status === 0;

/** What a program leaves on a real terminal that draws a bar and then ends in this way. */
function drawn(ending: string): string {
  const program = `import(${JSON.stringify(PROGRESS)}).then(({ ProgressBar }) => { new ProgressBar(false).decoding(1, 10); ${ending} });`;
  const command = `${process.execPath} -e ${JSON.stringify(program).replaceAll("`", "\\`")}`;
  return spawnSync("script", ["-qec", command, "/dev/null"], { encoding: "utf8", input: "" }).stdout;
}

describe.skipIf(!hasScript)("a progress bar on a terminal (skipped where there is no `script`)", () => {
  it.each([
    ["Ctrl-C", `setTimeout(() => process.kill(process.pid, "SIGINT"), 100); setTimeout(() => console.log("still here"), 5000);`],
    ["an end in the middle", `setTimeout(() => process.exit(2), 100);`],
  ])("gives cursor and line wrap back after %s", (_what, ending) => {
    const text = drawn(ending);
    expect(text).toContain("reading the data");
    expect(text).not.toContain("still here");
    expect(text.lastIndexOf("\u001b[?25h")).toBeGreaterThan(text.lastIndexOf("\u001b[?25l"));
    expect(text.lastIndexOf("\u001b[?7h")).toBeGreaterThan(text.lastIndexOf("\u001b[?7l"));
  });
});
