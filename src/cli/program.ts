/** The command line as a whole: the commands, and what becomes of an error. */
import { Command } from "commander";
import { UserError } from "../errors.js";
import { packageVersion } from "../package-version.js";
import { asTyped, commandName } from "./command-line.js";
import { exitCodeOf } from "./exit-code.js";
import { tell } from "./output.js";

/** How to add each command. Its code is loaded only where it is asked for: a prediction need not wait for what training takes. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  train: async () => (await import("./train.js")).addTrain,
  study: async () => (await import("./study.js")).addStudy,
  views: async () => (await import("./views.js")).addViews,
  shards: async () => (await import("./shards.js")).addShards,
  eval: async () => (await import("./eval.js")).addEval,
  predict: async () => (await import("./predict.js")).addPredict,
  export: async () => (await import("./export.js")).addExport,
  import: async () => (await import("./import.js")).addImport,
  serve: async () => (await import("./serve.js")).addServe,
  bench: async () => (await import("./bench.js")).addBench,
  doctor: async () => (await import("./doctor.js")).addDoctor,
  summary: async () => (await import("./summary.js")).addSummary,
  demo: async () => (await import("./demo.js")).addDemo,
};

/** `words`: what was typed; with a command first, the program knows that one only. */
export async function createProgram([first = ""]: readonly string[] = []): Promise<Command> {
  const known = Object.hasOwn(COMMANDS, first);
  const program = new Command(commandName())
    .description("Trains, compresses and runs 1-bit image classifiers.")
    .version(packageVersion(), "-V, --version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => process.stdout.write(asTyped(text)),
      outputError: (text) => tell(oneSentence(text, known ? `rbnet ${first} --help` : "rbnet --help")),
    })
    .addHelpText("after", "\nExample:\n  rbnet train && rbnet eval runs/shapes-rbnet8/model.safetensors");
  const wanted = known ? [first] : Object.keys(COMMANDS);
  for (const name of wanted) {
    const add = await COMMANDS[name]?.();
    add?.(program);
  }
  return program;
}

/** "error: unknown option '--epoch'\n(Did you mean --epochs?)" in one line, with what to do: `help` says more. */
function oneSentence(text: string, help: string): string {
  const sentence = text
    .trim()
    .replace(/^error: /, "")
    .replace(/\s*\n\s*/g, " ");
  return `${sentence}${/Did you mean|invalid\./.test(sentence) ? "" : `; see ${help}`}`;
}

/** Runs one command; returns the exit code: 0 done, 1 a fault of ours, 2 a user's error, else what the command has set. */
export async function runProgram(words: readonly string[]): Promise<number> {
  try {
    refuseEmpty(words);
    await (await createProgram(words)).parseAsync([...words], { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** An empty word would name the current folder, which nobody means who types `--out "$OUT"`. */
function refuseEmpty(words: readonly string[]): void {
  const place = words.findIndex((word) => word === "" || /^--[^=]+=$/.test(word));
  if (place < 0) return;
  const flag = words[place] === "" ? words[place - 1] : words[place].slice(0, -1);
  const where = flag?.startsWith("--") === true ? `${flag} has an empty value` : `word ${place + 1} of the command is empty`;
  throw new UserError(`${where}, perhaps of a shell variable that is not set; give it a value`);
}
