import { plainKind } from "./yamlValues.ts";

const BREAKS = "\n\x85\u2028\u2029";
const BLANKS = "\0 \t\r\n\x85\u2028\u2029";

/** What styles a string may be written in. */
export interface ScalarAnalysis {
  readonly empty: boolean;
  readonly multiline: boolean;
  readonly flowPlain: boolean;
  readonly blockPlain: boolean;
  readonly singleQuoted: boolean;
}

/** Looks at each character once and says which styles keep the string what it is. */
export function analyzeScalar(text: string): ScalarAnalysis {
  if (text === "") return { empty: true, multiline: false, flowPlain: false, blockPlain: true, singleQuoted: true };
  if (/^[A-Za-z0-9_./][A-Za-z0-9_./-]*$/.test(text) && !text.startsWith("...")) {
    return { empty: false, multiline: false, flowPlain: true, blockPlain: true, singleQuoted: true };
  }
  return analyzeSlowly(Array.from(text));
}

function analyzeSlowly(chars: readonly string[]): ScalarAnalysis {
  const head = chars.slice(0, 3).join("");
  let block = head === "---" || head === "...";
  let flow = block;
  let breaks = false;
  let special = false;
  let spaceBreak = false;
  let breakSpace = false;
  let previous = "";
  for (const [index, char] of chars.entries()) {
    const beforeBlank = index + 1 >= chars.length || BLANKS.includes(chars[index + 1] ?? "");
    const afterBlank = index === 0 || BLANKS.includes(previous);
    if (index === 0) {
      if ("#,[]{}&*!|>'\"%@`".includes(char)) flow = block = true;
      if ("?:".includes(char)) {
        if (chars.length === 1) flow = true;
        if (beforeBlank) block = true;
      }
      if (char === "-" && beforeBlank) flow = block = true;
    } else {
      if (",[]{}".includes(char)) flow = true;
      if (char === ":" && beforeBlank) flow = block = true;
      if (char === "#" && afterBlank) flow = block = true;
    }
    if (BREAKS.includes(char)) {
      breaks = true;
      if (previous === " ") spaceBreak = true;
    } else if (char === " " && index > 0 && BREAKS.includes(previous)) breakSpace = true;
    if (!isPrintable(char)) special = true;
    previous = char;
  }
  const first = chars[0] ?? "";
  const edges = [first, previous].some((char) => char === " " || BREAKS.includes(char));
  const plain = !edges && !breakSpace && !special && !spaceBreak && !breaks;
  return {
    empty: false,
    multiline: breaks,
    flowPlain: plain && !flow,
    blockPlain: plain && !block,
    singleQuoted: !breakSpace && !special && !spaceBreak,
  };
}

function isPrintable(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  if (code === 10 || (code >= 0x20 && code <= 0x7e)) return true;
  return (
    code === 0x85 ||
    (code >= 0xa0 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd && code !== 0xfeff) ||
    code > 0xffff
  );
}

/** Whether a plain scalar of this text reads back as this string. */
export function readsAsText(text: string): boolean {
  return plainKind(text) === "str";
}
