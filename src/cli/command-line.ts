/** What was typed, as a person would type it again. */

/** The words of this command with `extra` flags in place of the same ones, quoted for a shell. */
export function commandLine(extra: readonly string[] = []): string {
  const given = process.argv.slice(2);
  const kept =
    extra.length === 0
      ? given
      : given.filter(
          (word, index) => word !== "--resume" && word !== "--out" && !word.startsWith("--out=") && given[index - 1] !== "--out",
        );
  return ["rbnet", ...kept, ...extra].map(quoted).join(" ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
