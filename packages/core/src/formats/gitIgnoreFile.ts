/**
 * The text of a `.gitignore` with a rule for the entry `name` of its folder; unchanged when the very line is there.
 * @param name one path component, unescaped.
 */
export function addIgnoreEntry(text: string, name: string): string {
  const entry = `/${name}`.replace(/[\\[\]!*#?]/g, "\\$&");
  if (text === "") return `${entry}\n`;
  if (!text.endsWith("\n")) return `${text}\n${entry}\n`;
  return linesOf(text).includes(`${entry}\n`) ? text : `${text}${entry}\n`;
}

/** The text without the rule for `name`. As in DVC only the unescaped form is found. Empty text: the file should go. */
export function removeIgnoreEntry(text: string, name: string): string {
  const entry = `/${name}`.trim();
  return linesOf(text)
    .filter((line) => line.trim() !== entry)
    .join("");
}

function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
