import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { FormatError } from "../base/errors.ts";
import { isStrictlyInside, type OsPath, posixRelative } from "../base/paths.ts";
import { IgnorePatterns } from "../formats/ignoreFile.ts";
import { diskRules, LayeredRules, type RulesReader } from "./layeredRules.ts";

/** Name of the files that hold the rules. */
export const DVCIGNORE = ".dvcignore";

/** What `check-ignore` tells of a path. */
export interface IgnoreCheck {
  readonly isIgnored: boolean;
  /** The rule that decided, as DVC prints it: `sub/.dvcignore:2:*.log`. Absent when none speaks of the path. */
  readonly rule: string | undefined;
}

/** Folders that are no data and no code, whatever the rules say. */
const ALWAYS = [".hg/", ".git/", ".git", ".dvc/"];

/**
 * Which paths the project does not look at: by `.dvcignore` files, `.git`, `.hg`, `.dvc`, and projects within the project.
 * Also the `IgnorePredicate` of walks: `dir` and `file` answer true for what is left out.
 */
export class DvcIgnore {
  readonly root: OsPath;
  readonly #reader: RulesReader;
  readonly #rules: LayeredRules;
  readonly #isProject: (folder: OsPath) => boolean;

  /** `isProject` tells whether a folder holds a `.dvc` folder (for a commit: in the commit). */
  constructor(root: OsPath, options: { reader?: RulesReader; isProject?: (folder: OsPath) => boolean } = {}) {
    this.root = root;
    this.#reader = options.reader ?? diskRules;
    this.#isProject = options.isProject ?? ((folder) => existsSync(join(folder, ".dvc")));
    this.#rules = new LayeredRules(root, DVCIGNORE, {
      reader: this.#reader,
      skipFolder: (path, name) => name === ".git" || name === ".dvc" || name === ".hg" || this.#isProject(path),
    });
    // The walk asks for each file: methods are handed around as plain functions.
    this.dir = this.dir.bind(this);
    this.file = this.file.bind(this);
    this.isFree = this.isFree.bind(this);
  }

  /** Whether a folder is left out. */
  dir(path: OsPath): boolean {
    return this.#rules.ignoresFolder(path);
  }

  /** Whether a file is left out. */
  file(path: OsPath): boolean {
    return path.endsWith(`${sep}.git`) || this.#rules.ignoresFile(path);
  }

  /** Whether no rule speaks of what lies below a folder, unless a `.dvcignore` or another project lies there. */
  isFree(folder: OsPath): boolean {
    return this.#rules.isFree(folder);
  }

  /** Whether a path is left out, be it a file, a folder or absent (then either way counts). */
  path(path: OsPath): boolean {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) return this.dir(path);
    return this.file(path) || (stat === undefined && this.dir(path));
  }

  /** The rule by which a path is left out, as DVC names it; undefined when it is not. */
  reason(path: OsPath): string | undefined {
    if (!this.path(path)) return undefined;
    return this.check(path).rule ?? ".dvcignore";
  }

  /** What the rules say of a path, and which rule. Paths outside of the project are not ignored. */
  check(path: OsPath, isDir: boolean = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true): IgnoreCheck {
    if (!isStrictlyInside(this.root, path)) return { isIgnored: false, rule: undefined };
    const parts = relative(this.root, path).split(sep);
    let result: IgnoreCheck = { isIgnored: false, rule: undefined };
    for (let count = 1; count <= parts.length; count++) {
      const isLast = count === parts.length;
      const at = join(this.root, ...parts.slice(0, count));
      const decided = this.#decide(at, isDir || !isLast);
      if (decided?.isIgnored === true) return decided;
      if (isLast && decided !== undefined) result = decided;
    }
    return result;
  }

  /**
   * Which rule decides for exactly this path. DVC joins neighbouring rules of one kind and names the first of them that
   * matches, not the last.
   */
  #decide(path: OsPath, isDir: boolean): IgnoreCheck | undefined {
    for (const group of groupsOf(this.#lines(path)).reverse()) {
      for (const line of group) {
        const rel = posixRelative(line.folder, path);
        const match = line.patterns.match(rel, isDir);
        if (match !== undefined) return { isIgnored: match.ignored, rule: line.shown };
      }
    }
    return undefined;
  }

  /** The rules in force for `path`, outermost first, one by one. */
  #lines(path: OsPath): RuleLine[] {
    const lines = ALWAYS.map((text) => ruleLine(this.root, text, `:${text}`));
    const folders: OsPath[] = [];
    for (let folder = dirname(path); folder.length >= this.root.length; folder = dirname(folder)) {
      folders.unshift(folder);
      if (folder === this.root) break;
    }
    for (const folder of folders) {
      const file = join(folder, DVCIGNORE);
      // The outermost one counts even where it leaves itself out.
      const isLeftOut = folder !== this.root && this.#rules.ignoresFile(file);
      const text = isLeftOut ? undefined : this.#reader.readText(file);
      if (text !== undefined) lines.push(...linesOf(text, folder, posixRelative(this.root, file)));
    }
    if (path !== this.root && this.#isProject(path)) {
      const name = basename(path);
      lines.push(ruleLine(dirname(path), `/${name}/`, `in sub_repo:${name}`));
    }
    return lines;
  }
}

interface RuleLine {
  readonly folder: OsPath;
  readonly patterns: IgnorePatterns;
  /** Rules of the same kind in a row are one group. */
  readonly kind: string;
  readonly shown: string;
}

function ruleLine(folder: OsPath, text: string, shown: string): RuleLine {
  const kind = text.startsWith("!") ? text : String(text.endsWith("/"));
  return { folder, patterns: new IgnorePatterns(text, shown), kind, shown };
}

/** Lines of one file that are looked at one by one. */
const MAX_LINES = 20_000;

function linesOf(text: string, folder: OsPath, name: string): RuleLine[] {
  const lines: RuleLine[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (lines.length >= MAX_LINES) throw new FormatError(`'${name}' has too many patterns`, { file: name });
    lines.push(ruleLine(folder, line, `${name}:${String(index + 1)}:${line}`));
  }
  return lines;
}

function groupsOf(lines: readonly RuleLine[]): RuleLine[][] {
  const groups: RuleLine[][] = [];
  let last: RuleLine | undefined;
  for (const line of lines) {
    if (last?.kind === line.kind && !line.kind.startsWith("!")) groups.at(-1)?.push(line);
    else groups.push([line]);
    last = line;
  }
  return groups;
}
