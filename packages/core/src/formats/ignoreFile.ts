import { FormatError } from "../base/errors.ts";
import { compileGlob, type CompiledGlob } from "./ignoreGlob.ts";

/** What the rules of one file say of a path. */
export interface IgnoreMatch {
  /** False for a rule that starts with "!". */
  readonly ignored: boolean;
  /** The rule as written, trimmed. */
  readonly pattern: string;
  /** Counts from 1. */
  readonly line: number;
}

interface Rule extends IgnoreMatch, CompiledGlob {
  readonly folderOnly: boolean;
}

/** A rule that names one path, without wildcards, from the folder of the file on: `/data.csv`. */
type PlainRule = Omit<Rule, keyof CompiledGlob>;

/** Longest pattern, in UTF-16 units: no path is so long. */
const MAX_PATTERN = 16 * 1024;
/** Every path is held against each of these. */
const MAX_GLOBS = 20_000;
/** Parts of all patterns that take longer: every letter of every path is held against each of these. */
const MAX_COST = 1000;
/** Git has its own idea of what takes long. */
const MAX_GIT_COST = 10_000;

/**
 * The rules of one ignore file, as DVC's pathspec reads them: comments, "!", "\" escapes, "/" anchors, folder-only rules,
 * "**", character classes. Matching takes time linear in the path for any pattern. Rules that name one path, as there is
 * one for each tracked file, are looked up and cost nothing each.
 */
export class IgnorePatterns {
  /** Where the rules come from, for messages. */
  readonly file: string;
  /** The last rule that matches decides, so they are tried backwards. */
  readonly #globs: readonly Rule[];
  /** By path; those of one path in their order. */
  readonly #plain = new Map<string, PlainRule[]>();

  /** `isGit`: the file is one of Git's own. @throws {FormatError} for more patterns than anybody writes by hand */
  constructor(text: string, file: string, isGit = false) {
    this.file = file;
    const globs: Rule[] = [];
    let cost = 0;
    for (const [index, raw] of text.split(/\r\n|[\n\r]/).entries()) {
      const pattern = raw.trim();
      const line = index + 1;
      if (pattern.length > MAX_PATTERN) throw new FormatError(`a pattern in '${file}' is too long`, { file, line });
      const path = plainPath(pattern);
      if (path !== undefined) this.#addPlain(path, describeRule(pattern, line));
      else {
        const rule = parseRule(pattern, line, isGit);
        if (rule === undefined) continue;
        globs.push(rule);
        cost += rule.cost;
      }
      if (globs.length > MAX_GLOBS || cost > (isGit ? MAX_GIT_COST : MAX_COST))
        throw new FormatError(`'${file}' has too many patterns`, { file, line });
    }
    this.#globs = globs.reverse();
  }

  #addPlain(path: string, rule: PlainRule): void {
    const known = this.#plain.get(path);
    if (known === undefined) this.#plain.set(path, [rule]);
    else known.push(rule);
  }

  /** Whether there is no rule at all. */
  get isEmpty(): boolean {
    return this.#globs.length === 0 && this.#plain.size === 0;
  }

  /**
   * The rule that decides for a path; undefined when none speaks of it. A rule for a folder speaks of all below it, but the
   * caller asks for folders first, because what lies in an ignored folder cannot come back.
   * @param path relative to the folder of the file, with "/".
   */
  match(path: string, isDir: boolean): IgnoreMatch | undefined {
    const plain = this.#plain.size === 0 ? undefined : this.#matchPlain(path, isDir);
    for (const rule of this.#globs) {
      if (plain !== undefined && plain.line > rule.line) break;
      if (rule.folderOnly && !isDir) continue;
      if (rule.matches(path, isDir)) return rule;
    }
    return plain;
  }

  /** The last rule that names the path or a folder above it. */
  #matchPlain(path: string, isDir: boolean): PlainRule | undefined {
    let found: PlainRule | undefined;
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const rule = this.#plain.get(path.slice(0, end))?.findLast((one) => isDir || !one.folderOnly);
      if (rule !== undefined && (found === undefined || rule.line > found.line)) found = rule;
    }
    return found;
  }
}

/** The path that a pattern names when it is a plain one, neither with wildcards nor one for names at any depth. */
function plainPath(pattern: string): string | undefined {
  if (pattern.startsWith("#")) return undefined;
  const body = pattern.startsWith("!") ? pattern.slice(1) : pattern;
  const from = body.startsWith("/") ? 1 : 0;
  const path = body.slice(from, body.endsWith("/") ? -1 : undefined);
  if (path === "" || /[*?[\\\]]|^\/|\/$|\/\//.test(path)) return undefined;
  return from === 1 || path.includes("/") ? path : undefined;
}

function describeRule(pattern: string, line: number): PlainRule {
  return { ignored: !pattern.startsWith("!"), pattern, line, folderOnly: pattern.endsWith("/") };
}

function parseRule(pattern: string, line: number, isGit: boolean): Rule | undefined {
  if (pattern === "" || pattern.startsWith("#") || pattern === "/") return undefined;
  const rule = describeRule(pattern, line);
  const glob = compileGlob(rule.ignored ? pattern : pattern.slice(1), isGit);
  return glob === undefined ? undefined : { ...rule, ...glob };
}
