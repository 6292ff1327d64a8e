import { OWN_ESCAPE } from "./colour.ts";
import type { TextStream } from "./streams.ts";

/**
 * Control characters other than line feed and tab; also the second set of ISO 6429, which some terminals obey in UTF-8, and
 * what turns the direction of the text behind it around, so that `x\u202egpj.exe` reads as `xexe.jpg`.
 */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
/** Colours. */
const COLOUR = /^\x1b\[[0-9;]*m/;

/**
 * Text in which nothing commands a terminal, but our own colours: names of files, and what servers answer, come from strangers.
 * Control characters become `\x1b` and the like.
 * @param colours whether it is what a program printed that the user runs: then its own colours stay, too
 */
export function visible(text: string, colours = false): string {
  return text
    .split(OWN_ESCAPE)
    .map((part) =>
      part.replace(CONTROL, (sign, at: number) => shown(sign, colours && COLOUR.test(part.slice(at, at + 16)))),
    )
    .join("\x1b");
}

/** The same where it goes to a terminal; in a file or a pipe the bytes stay as they are, as with `ls`. */
export function visibleOn({ isTty }: Pick<TextStream, "isTty">, text: string, colours = false): string {
  return isTty ? visible(text, colours) : text;
}

function shown(sign: string, stays: boolean): string {
  if (stays) return sign;
  const code = sign.charCodeAt(0);
  return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`;
}
