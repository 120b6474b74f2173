/** Pieces of C: numbers as literals that give the same bits back, arrays, and outside text made harmless. */

const COLUMNS = 120;

/** The shortest decimal that is read as this float32. */
export function floatLiteral(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0.0f" : "0.0f";
  for (let digits = 6; digits <= 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
  }
  throw new Error(`${value} is not a float32`);
}

export function wordLiteral(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}u`;
}

/** `static const` of the type, broken into lines. */
export function arrayOf(type: string, name: string, literals: readonly string[]): string {
  const lines: string[] = [];
  let line = "";
  for (const literal of literals) {
    if (line.length + literal.length + 4 > COLUMNS) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? `  ${literal},` : ` ${literal},`;
  }
  lines.push(line);
  return `static const ${type} ${name}[${literals.length}] = {\n${lines.join("\n")}\n};\n`;
}

/** A string literal of UTF-8, whatever the text is: bytes beside plain letters as octal escapes, which end after three digits. */
export function stringLiteral(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const plain = Array.from(bytes, (byte) =>
    /[A-Za-z0-9 .,:;_+()[\]=-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, "0")}`,
  );
  return `"${plain.join("")}"`;
}

/** A stranger's name in a comment: what could end it is left out. */
export function commentText(text: string): string {
  return text.replace(/[^A-Za-z0-9 .,_+()-]/g, "_").slice(0, 200);
}
