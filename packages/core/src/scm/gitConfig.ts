/**
 * Reads Git's own configuration text: sections, subsections, quotes, escapes, comments. Includes are not followed.
 * Keys are `section.key` or `section.subsection.key`, section and key lower-cased; the last value of a key wins.
 */
export function parseGitConfig(text: string): Map<string, string> {
  const values = new Map<string, string>();
  let section = "";
  for (const line of joinContinuations(text)) {
    const head = /^\s*\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\](.*)$/.exec(line);
    let rest = line;
    if (head !== null) {
      const sub = head[2] === undefined ? "" : `.${head[2].replace(/\\(.)/g, "$1")}`;
      section = (head[1] ?? "").toLowerCase() + sub;
      rest = head[3] ?? "";
    }
    const pair = /^\s*([A-Za-z][\w-]*)\s*(?:=\s*(.*))?$/.exec(rest);
    if (pair !== null && section !== "")
      values.set(`${section}.${(pair[1] ?? "").toLowerCase()}`, unquote(pair[2] ?? "true"));
  }
  return values;
}

function joinContinuations(text: string): string[] {
  return text.replace(/\\\r?\n/g, "").split(/\r?\n/);
}

/** Quotes dropped, escapes resolved, a comment outside of quotes cut off, trailing blanks outside of quotes dropped. */
function unquote(raw: string): string {
  let result = "";
  let kept = 0;
  let inQuotes = false;
  for (let at = 0; at < raw.length; at++) {
    const char = raw[at] ?? "";
    if (char === '"') {
      inQuotes = !inQuotes;
      kept = result.length;
    } else if (char === "\\") {
      const next = raw[++at] ?? "";
      result += next === "n" ? "\n" : next === "t" ? "\t" : next === "b" ? "\b" : next;
      kept = result.length;
    } else if (!inQuotes && (char === "#" || char === ";")) break;
    else {
      result += char;
      if (inQuotes || !/\s/.test(char)) kept = result.length;
    }
  }
  return result.slice(0, kept);
}
