/**
 * Control characters other than line feed and tab; also the second set of ISO 6429, which some terminals obey in UTF-8, and
 * what turns the direction of the text behind it around, so that `x\u202egpj.exe` reads as `xexe.jpg`.
 */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
/** Our own colours. */
const COLOUR = /^\x1b\[[0-9;]*m/;

/**
 * Text in which nothing commands a terminal: names of files, and what servers answer, come from strangers. Control characters
 * become `\x1b` and the like, but for the colours where `colours` says that we paint.
 */
export function visible(text: string, colours: boolean): string {
  return text.replace(CONTROL, (sign, at: number) => {
    if (sign === "\x1b" && colours && COLOUR.test(text.slice(at, at + 16))) return sign;
    const code = sign.charCodeAt(0);
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
