/** Tells whether a path, or a folder above it, fits a glob. `isDir`: the path is a folder. */
export type GlobMatcher = (path: string, isDir: boolean) => boolean;

/** A pattern, ready to be held against paths. */
export interface CompiledGlob {
  readonly matches: GlobMatcher;
  /** Steps for each letter of a path where it takes more than one; else 0. */
  readonly cost: number;
}

/** More repeats than these are matched without backtracking. */
const MAX_REPEATS = 2;
/** Longer patterns make regular expressions that are slow to build, or too large. */
const MAX_TOKENS = 1000;
const NEVER: GlobMatcher = () => false;

/**
 * Compiles one gitignore pattern (without "!"). Undefined when it is no valid rule: a class that does not end, a trailing
 * backslash, a range upside down. `isGit`: as Git reads it where DVC reads its own files in another way.
 */
export function compileGlob(pattern: string, isGit = false): CompiledGlob | undefined {
  const segments = normalize(pattern);
  const quick = quickMatcher(segments, pattern, isGit);
  if (quick !== undefined) return { matches: quick, cost: 0 };
  const tokens = segments.length === 0 ? undefined : tokenize(segments);
  if (tokens === undefined) return undefined;
  const repeats = tokens.filter((token) => token.kind === "star" || token.kind === "folders").length;
  if (repeats <= MAX_REPEATS && tokens.length <= MAX_TOKENS) return { matches: compileRegExp(tokens), cost: 0 };
  // A path shorter than what the pattern spells out can't fit; the end of it needs no character.
  const least = tokens.length - repeats - 1;
  const matches: GlobMatcher = (path, isDir) => path.length + 1 >= least && simulate(tokens, isDir ? `${path}/` : path);
  return { matches, cost: tokens.length };
}

/** Matches without looking at every letter, for the usual patterns. */
function quickMatcher(segments: readonly string[], pattern: string, isGit: boolean): GlobMatcher | undefined {
  if (isGit && (pattern === "*/" || pattern === "**/")) return (path, isDir) => isDir || path.includes("/");
  if (segments.length === 1 && segments[0] === "**") return pattern.endsWith("/") ? NEVER : () => true;
  if (segments[0] === "**" && segments[1] === "*" && segments.length <= 3) {
    if (segments.length === 2) return () => true;
    // `*/` and `*/**`: DVC anchors its search at the start of the path, where there is no "/".
    if (segments[2] === "**") return NEVER;
  }
  return compileName(segments);
}

/** Splits into segments, with `**` for "at any depth" and "all below". */
function normalize(pattern: string): string[] {
  const segments = pattern.split("/");
  if (segments[0] === "") segments.shift();
  else if ((segments.length === 1 || (segments.length === 2 && segments[1] === "")) && segments[0] !== "**")
    segments.unshift("**");
  if (segments.at(-1) === "" && segments.length > 0) segments[segments.length - 1] = "**";
  return segments.filter((segment, index) => !(segment === "**" && index > 0 && segments[index - 1] === "**"));
}

/** Names and `*.suffix` at any depth need no regular expression. */
function compileName(segments: readonly string[]): GlobMatcher | undefined {
  const [any, name = "", below] = segments;
  if (any !== "**" || segments.length > 3 || (segments.length === 3 && below !== "**")) return undefined;
  const suffix = name.startsWith("*") ? name.slice(1) : undefined;
  const literal = suffix ?? name;
  if (literal === "" || /[*?[\\\]]/.test(literal)) return undefined;
  const inner = `${literal}/`;
  const folderOnly = segments.length === 3;
  if (suffix !== undefined) {
    return (path, isDir) => (path.endsWith(literal) && (!folderOnly || isDir)) || path.includes(inner);
  }
  const nested = `/${literal}`;
  const nestedInner = `/${inner}`;
  return (path, isDir) => {
    if (path === literal || path.endsWith(nested))
      return !folderOnly || isDir || path.startsWith(inner) || path.includes(nestedInner);
    return path.startsWith(inner) || path.includes(nestedInner);
  };
}

type Token =
  | { readonly kind: "char"; readonly char: string }
  /** One character that is no "/". */
  | { readonly kind: "any" }
  /** Any number of them. */
  | { readonly kind: "star" }
  | { readonly kind: "class"; readonly source: string; readonly regexp: RegExp }
  /** Any text that ends with "/", or none. */
  | { readonly kind: "folders" }
  /** "/" or the end. */
  | { readonly kind: "end" };

function tokenize(segments: readonly string[]): Token[] | undefined {
  const tokens: Token[] = [];
  const last = segments.length - 1;
  let needSlash = false;
  for (const [index, segment] of segments.entries()) {
    if (segment === "**") {
      if (index === 0) tokens.push({ kind: "folders" });
      else if (index === last) tokens.push({ kind: "char", char: "/" });
      else {
        // "a/**/b" is "a/" and any folders.
        tokens.push({ kind: "char", char: "/" }, { kind: "folders" });
        needSlash = false;
        continue;
      }
      continue;
    }
    if (needSlash) tokens.push({ kind: "char", char: "/" });
    if (segment === "*") tokens.push({ kind: "any" }, { kind: "star" });
    else if (!tokenizeSegment(segment, tokens)) return undefined;
    if (index === last) tokens.push({ kind: "end" });
    needSlash = true;
  }
  return tokens;
}

function tokenizeSegment(segment: string, tokens: Token[]): boolean {
  const chars = Array.from(segment);
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? "";
    if (char === "\\") {
      const next = chars[++at];
      if (next === undefined) return false;
      tokens.push({ kind: "char", char: next });
    } else if (char === "*") {
      if (tokens.at(-1)?.kind !== "star") tokens.push({ kind: "star" });
    } else if (char === "?") tokens.push({ kind: "any" });
    else if (char === "[") {
      const end = classEnd(chars, at + 1);
      const token = end === undefined ? undefined : classToken(chars.slice(at + 1, end));
      if (token === undefined || end === undefined) return false;
      tokens.push(token);
      at = end;
    } else tokens.push({ kind: "char", char });
  }
  return true;
}

function classEnd(chars: readonly string[], from: number): number | undefined {
  let at = from;
  if (chars[at] === "!" || chars[at] === "^") at++;
  if (chars[at] === "]") at++;
  while (at < chars.length && chars[at] !== "]") at++;
  return at < chars.length ? at : undefined;
}

function classToken(inner: readonly string[]): Token | undefined {
  const negated = inner[0] === "!" || inner[0] === "^";
  const members = negated ? inner.slice(1) : inner;
  const body = members.map((char) => (/[\\\]^[]/.test(char) ? `\\${char}` : char)).join("");
  const source = `[${negated ? "^" : ""}${body}]`;
  try {
    return { kind: "class", source, regexp: new RegExp(`^${source}$`, "u") };
  } catch {
    return undefined;
  }
}

function compileRegExp(tokens: readonly Token[]): GlobMatcher {
  const source = tokens.map(tokenSource).join("");
  const regexp = new RegExp(`^${source}`, "us");
  return (path, isDir) => regexp.test(path) || (isDir && regexp.test(`${path}/`));
}

function tokenSource(token: Token): string {
  switch (token.kind) {
    case "char":
      return token.char.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    case "any":
      return "[^/]";
    case "star":
      return "[^/]*";
    case "class":
      return token.source;
    case "folders":
      return "(?:.+/)?";
    case "end":
      return "(?:/|$)";
  }
}

/** Follows all ways through the pattern at once: time is path length times pattern length, whatever the pattern. */
function simulate(tokens: readonly Token[], text: string): boolean {
  let states = new Uint8Array(tokens.length + 1);
  states[0] = 1;
  close(tokens, states, true);
  for (const char of text) {
    if (states[tokens.length] === 1) return true;
    const next = new Uint8Array(tokens.length + 1);
    let alive = false;
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at];
      if (states[at] === 0 || token === undefined) continue;
      if (step(token, char, at, next)) alive = true;
    }
    if (!alive) return false;
    close(tokens, next, char === "/");
    states = next;
  }
  return states[tokens.length] === 1 || tokens.some((token, at) => states[at] === 1 && token.kind === "end");
}

/** `folders` and `star` may match nothing; `folders` is left only behind a "/". */
function close(tokens: readonly Token[], states: Uint8Array, afterSlash: boolean): void {
  for (let at = 0; at < tokens.length; at++) {
    const kind = tokens[at]?.kind;
    if (states[at] === 1 && (kind === "star" || (kind === "folders" && afterSlash))) states[at + 1] = 1;
  }
}

function step(token: Token, char: string, at: number, next: Uint8Array): boolean {
  switch (token.kind) {
    case "char":
      if (token.char !== char) return false;
      break;
    case "any":
      if (char === "/") return false;
      break;
    case "class":
      if (!token.regexp.test(char)) return false;
      break;
    case "end":
      if (char !== "/") return false;
      break;
    case "star":
      if (char === "/") return false;
      next[at] = 1;
      return true;
    case "folders":
      next[at] = 1;
      return true;
  }
  next[at + 1] = 1;
  return true;
}
