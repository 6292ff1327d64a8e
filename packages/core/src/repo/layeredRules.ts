import { readFileSync, type Stats, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { FormatError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { IgnorePatterns } from "../formats/ignoreFile.ts";
import { ofFile } from "../base/ofFile.ts";

/** How ignore files are found. */
export interface RulesReader {
  /** Text of the ignore file at `path`; undefined when there is none. */
  readText(path: OsPath): string | undefined;
}

/** One ignore file. */
interface Layer {
  /** Paths below this folder are judged, relative to it. */
  readonly folder: OsPath;
  readonly patterns: IgnorePatterns;
}

interface FolderRules {
  /** The folder itself is ignored, and so is everything below. */
  readonly isIgnored: boolean;
  /** Outermost first. */
  readonly layers: readonly Layer[];
}

/** Ignore files larger than this (bytes) are refused: every path is held against every line. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Reads ignore files from disk. */
export const diskRules: RulesReader = {
  readText(path) {
    const stat = statIfThere(path);
    if (stat?.isFile() !== true) return undefined;
    if (stat.size > MAX_BYTES)
      throw new FormatError(`'${path}' is too large to read (${String(stat.size)} bytes)`, { file: path });
    return ofFile(path, () => readFileSync(path, "utf8"));
  },
};

/** Also absent below a plain file: an output that was a folder in another version is asked about as one. */
function statIfThere(path: OsPath): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}

/**
 * Ignore rules that lie in a file of the same name in every folder (`.gitignore`, `.dvcignore`). Deeper files win, later
 * lines win, and what lies in an ignored folder can't be brought back. Each folder's rules are read once.
 */
export class LayeredRules {
  readonly #root: OsPath;
  readonly #fileName: string;
  readonly #reader: RulesReader;
  readonly #skipFolder: (path: OsPath, name: string) => boolean;
  readonly #folders = new Map<OsPath, FolderRules>();
  #lastFolder: OsPath = "";
  #lastRules: FolderRules = NO_RULES;

  /**
   * `base` are rules that come before those of the root's own file. `skipFolder` names folders that are ignored whatever
   * the files say.
   */
  constructor(
    root: OsPath,
    fileName: string,
    options: {
      reader?: RulesReader;
      base?: readonly IgnorePatterns[];
      skipFolder?: (path: OsPath, name: string) => boolean;
    } = {},
  ) {
    this.#root = root;
    this.#fileName = fileName;
    this.#reader = options.reader ?? diskRules;
    this.#skipFolder = options.skipFolder ?? (() => false);
    const base = (options.base ?? []).map((patterns) => ({ folder: root, patterns }));
    this.#folders.set(root, { isIgnored: false, layers: this.#withOwnFile(root, base) });
  }

  /** Whether a folder, or a parent of it, is ignored. Folders outside of the root and the root itself are not. */
  ignoresFolder(path: OsPath): boolean {
    return this.#rules(path).isIgnored;
  }

  /** Whether no rule is in force in a folder that is not ignored itself. Below it, files of rules may lie. */
  isFree(path: OsPath): boolean {
    const { isIgnored, layers } = this.#rules(path);
    return !isIgnored && layers.length === 0;
  }

  /** Whether a file, or a folder above it, is ignored. */
  ignoresFile(path: OsPath): boolean {
    // Walks ask folder by folder: the folder of the last question is most often that of this one too.
    const cut = path.lastIndexOf(sep);
    if (cut !== this.#lastFolder.length || !path.startsWith(this.#lastFolder)) {
      this.#lastFolder = dirname(path);
      this.#lastRules = this.#rules(this.#lastFolder);
    }
    const rules = this.#lastRules;
    return rules.isIgnored || (rules.layers.length > 0 && isMatch(rules.layers, path, false));
  }

  /** Forgets what was read of `folder` and below: its ignore file changed. */
  forget(folder: OsPath): void {
    this.#lastFolder = "";
    this.#lastRules = NO_RULES;
    const base = this.#folders.get(this.#root);
    for (const known of this.#folders.keys())
      if (known === folder || known.startsWith(folder + sep)) this.#folders.delete(known);
    if (base !== undefined && !this.#folders.has(this.#root)) this.#folders.set(this.#root, base);
  }

  #rules(folder: OsPath): FolderRules {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const parent = dirname(folder);
    // Above the root: nothing of ours applies.
    if (parent === folder || folder.length <= this.#root.length || !folder.startsWith(this.#root)) return NO_RULES;
    const rules = this.#derive(folder, this.#rules(parent));
    this.#folders.set(folder, rules);
    return rules;
  }

  #derive(folder: OsPath, above: FolderRules): FolderRules {
    if (above.isIgnored) return IGNORED;
    const name = folder.slice(folder.lastIndexOf(sep) + 1);
    if (this.#skipFolder(folder, name) || isMatch(above.layers, folder, true)) return IGNORED;
    const layers = this.#withOwnFile(folder, above.layers);
    return layers === above.layers ? above : { isIgnored: false, layers };
  }

  #withOwnFile(folder: OsPath, layers: readonly Layer[]): readonly Layer[] {
    const file = join(folder, this.#fileName);
    const text = isMatch(layers, file, false) ? undefined : this.#reader.readText(file);
    // The file that `init` writes holds nothing but comments: no rule, no cost.
    const hasRules = text !== undefined && /^[^\S\r\n\u2028\u2029]*[^#\s]/m.test(text);
    return !hasRules
      ? layers
      : [...layers, { folder, patterns: new IgnorePatterns(text, file, this.#fileName === ".gitignore") }];
  }
}

const NO_RULES: FolderRules = { isIgnored: false, layers: [] };
const IGNORED: FolderRules = { isIgnored: true, layers: [] };

function isMatch(layers: readonly Layer[], path: OsPath, isDir: boolean): boolean {
  for (let at = layers.length - 1; at >= 0; at--) {
    const layer = layers[at];
    if (layer === undefined) continue;
    const prefix = layer.folder.endsWith(sep) ? layer.folder.length : layer.folder.length + 1;
    const rel = sep === "/" ? path.slice(prefix) : path.slice(prefix).split(sep).join("/");
    const match = layer.patterns.match(rel, isDir);
    if (match !== undefined) return match.ignored;
  }
  return false;
}
