/** Python's `repr` of a string: what argparse's messages and DVC's texts quote with. */
export function pyRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const char of text) {
    if (char === "\\" || char === quote) out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (char === "\r") out += "\\r";
    else if (char === "\t") out += "\\t";
    else if (char < " " || char === "\x7f") out += `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
    else out += char;
  }
  return out + quote;
}

/** Python's `%r` of a list of strings, without the brackets. */
export function pyReprList(words: readonly string[]): string {
  return words.map(pyRepr).join(", ");
}
