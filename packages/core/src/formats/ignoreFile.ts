import { compileGlob } from "./ignoreGlob.ts";

/** What the rules of one file say of a path. */
export interface IgnoreMatch {
  /** False for a rule that starts with "!". */
  readonly ignored: boolean;
  /** The rule as written, trimmed. */
  readonly pattern: string;
  /** Counts from 1. */
  readonly line: number;
}

interface Rule extends IgnoreMatch {
  readonly folderOnly: boolean;
  readonly matches: (path: string, isDir: boolean) => boolean;
}

/**
 * The rules of one ignore file, as DVC's pathspec reads them: comments, "!", "\" escapes, "/" anchors, folder-only rules,
 * "**", character classes. Matching takes time linear in the path for any pattern.
 */
export class IgnorePatterns {
  /** Where the rules come from, for messages. */
  readonly file: string;
  readonly #rules: readonly Rule[];

  /** `isGit`: the file is one of Git's own. */
  constructor(text: string, file: string, isGit = false) {
    this.file = file;
    const rules: Rule[] = [];
    for (const [index, raw] of text.split(/\r\n|[\n\r]/).entries()) {
      const rule = parseRule(raw.trim(), index + 1, isGit);
      // The last rule that matches decides, so they are tried backwards.
      if (rule !== undefined) rules.unshift(rule);
    }
    this.#rules = rules;
  }

  /** Whether there is no rule at all. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /**
   * The rule that decides for a path; undefined when none speaks of it. A rule for a folder speaks of all below it, but the
   * caller asks for folders first, because what lies in an ignored folder cannot come back.
   * @param path relative to the folder of the file, with "/".
   */
  match(path: string, isDir: boolean): IgnoreMatch | undefined {
    for (const rule of this.#rules) {
      if (rule.folderOnly && !isDir) continue;
      if (rule.matches(path, isDir)) return rule;
    }
    return undefined;
  }
}

function parseRule(pattern: string, line: number, isGit: boolean): Rule | undefined {
  if (pattern === "" || pattern.startsWith("#") || pattern === "/") return undefined;
  const ignored = !pattern.startsWith("!");
  const matches = compileGlob(ignored ? pattern : pattern.slice(1), isGit);
  if (matches === undefined) return undefined;
  return { ignored, pattern, line, folderOnly: pattern.endsWith("/"), matches };
}
