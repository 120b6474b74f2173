/** What was typed, and what is to be typed next, as a person would type it. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Folders that npm and its like put on the path of what they start, and of nothing else. */
const LENT_FOLDER = /[\\/]node_modules[\\/]\.bin[\\/]?$/;
const FILES = process.platform === "win32" ? ["rbnet.cmd", "rbnet.exe"] : ["rbnet"];

/** `rbnet` where a shell finds it, so where it is installed for all of the machine; else `npx rbnet`, which finds that of the project. */
export function commandName(path = process.env.PATH ?? ""): string {
  const folders = path.split(delimiter).filter((folder) => folder !== "" && !LENT_FOLDER.test(folder));
  return folders.some((folder) => FILES.some((file) => existsSync(join(folder, file)))) ? "rbnet" : "npx rbnet";
}

/** A command in a text, and not the program's name alone or a path. */
const COMMAND_IN_TEXT =
  /(?<![\w./-]|npx )rbnet (?=(?:train|study|views|shards|eval|predict|export|import|serve|bench|doctor|summary|demo|--\w+)\b)/g;

/** A text for people, in which commands are what they can type. */
export function asTyped(text: string): string {
  return text.replace(COMMAND_IN_TEXT, `${commandName()} `);
}

/** The words of this command with `extra` flags in place of the same ones, quoted for a shell. */
export function commandLine(extra: readonly string[] = []): string {
  const given = process.argv.slice(2);
  const kept =
    extra.length === 0
      ? given
      : given.filter(
          (word, index) => word !== "--resume" && word !== "--out" && !word.startsWith("--out=") && given[index - 1] !== "--out",
        );
  return [commandName(), ...[...kept, ...extra].map(quoted)].join(" ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
