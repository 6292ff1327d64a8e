import { FormatError, UnsafePathError } from "../base/errors.ts";
import type { RelPath } from "../base/paths.ts";
import { checkManifestPath } from "../base/paths.ts";
import { DIR_SUFFIX } from "../hash/hashInfo.ts";
import { md5Bytes } from "../hash/md5.ts";
import { compareCodePoints, needsCodePointOrder } from "../base/codePoints.ts";
import { scanManifest } from "./treeScan.ts";

/** One file of a tracked folder. */
export interface TreeEntry {
  /** Relative to the folder, "/" between parts, never empty. */
  readonly relpath: RelPath;
  /** 32 lower-case hex digits. */
  readonly md5: string;
  /** Bytes, where known; not part of the manifest's text. */
  readonly size?: number;
}

/** Manifests larger than this many bytes are refused: some 8 million files. */
const MAX_MANIFEST_BYTES = 512 * 1024 * 1024;
/** The same where it is not spelled as DVC does: any JSON may be in it. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

/**
 * The files of a tracked folder, sorted by code point of their path, each path checked, no duplicates, no file that is
 * also a folder. Its serialised bytes are the `.dir` object.
 */
export class Tree {
  readonly entries: readonly TreeEntry[];
  #oid: string | undefined;
  #bytes: WeakRef<Buffer> | undefined;

  private constructor(entries: readonly TreeEntry[], oid?: string) {
    this.entries = entries;
    this.#oid = oid;
  }

  /**
   * A tree of these files, in any order.
   * @throws {UnsafePathError} for a path that may not stand in a manifest, a duplicate, or a file that is also a folder.
   */
  static from(entries: Iterable<TreeEntry>, source = "the manifest of a folder"): Tree {
    const list = [...entries];
    for (const { relpath } of list) checkManifestPath(relpath, source);
    return Tree.#checked(list, source);
  }

  /**
   * A tree of files that a walk has just found, already in code point order: nothing is checked again.
   * Only for names that come from a directory listing of this machine.
   */
  static fromWalk(entries: readonly TreeEntry[]): Tree {
    return new Tree(entries);
  }

  /**
   * Reads the bytes of a `.dir` object. `source` names it in errors.
   * @throws {FormatError} when it is not a manifest, @throws {UnsafePathError} as {@link Tree.from}.
   */
  static parse(bytes: Uint8Array, source: string): Tree {
    if (bytes.length > MAX_MANIFEST_BYTES) throw new FormatError(`'${source}' is too large`, { file: source });
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const columns = scanManifest(buffer);
    if (columns === undefined) return Tree.from(parseJson(buffer, source), source);
    const { relpaths, md5s } = columns;
    for (const index of columns.suspects) checkManifestPath(relpaths[index] as string, source);
    const list: TreeEntry[] = new Array<TreeEntry>(relpaths.length);
    for (let i = 0; i < list.length; i++) list[i] = { relpath: relpaths[i] as string, md5: md5s[i] as string };
    return Tree.#checked(list, source, columns.sorted);
  }

  static #checked(list: TreeEntry[], source: string, sorted = isSorted(list)): Tree {
    if (!sorted) {
      const compare = list.some((entry) => needsCodePointOrder(entry.relpath)) ? compareCodePoints : compareUnits;
      list.sort((a, b) => compare(a.relpath, b.relpath));
    }
    const tree = new Tree(list);
    checkUnique(list, source);
    checkFolders(tree, source);
    return tree;
  }

  /** Number of files. */
  get nfiles(): number {
    return this.entries.length;
  }

  /** The bytes of the `.dir` object, as Python's `json.dumps(list, sort_keys=True)` spells them. */
  serialize(): Buffer {
    const kept = this.#bytes?.deref();
    if (kept !== undefined) return kept;
    const bytes = serializeEntries(this.entries);
    this.#bytes = new WeakRef(bytes);
    return bytes;
  }

  /** `<md5 of the manifest>.dir`. */
  get oid(): string {
    this.#oid ??= md5Bytes(this.serialize()) + DIR_SUFFIX;
    return this.#oid;
  }

  /** The file at `relpath`. */
  get(relpath: RelPath): TreeEntry | undefined {
    const entry = this.entries[this.#lowerBound(relpath)];
    return entry?.relpath === relpath ? entry : undefined;
  }

  /** Whether any file lies below `relpath`. "" and "." name the folder itself. */
  hasFolder(relpath: RelPath): boolean {
    if (relpath === "" || relpath === ".") return true;
    const prefix = `${relpath}/`;
    return this.entries[this.#lowerBound(prefix)]?.relpath.startsWith(prefix) === true;
  }

  /** The file `prefix` itself, or all files below the folder `prefix`, in order, with their full relpaths. */
  under(prefix: RelPath): TreeEntry[] {
    if (prefix === "" || prefix === ".") return [...this.entries];
    const file = this.get(prefix);
    const folder = `${prefix}/`;
    const found: TreeEntry[] = file === undefined ? [] : [file];
    for (let i = this.#lowerBound(folder); i < this.entries.length; i++) {
      const entry = this.entries[i] as TreeEntry;
      if (!entry.relpath.startsWith(folder)) break;
      found.push(entry);
    }
    return found;
  }

  /**
   * A new tree with `remove` (files, or folders with all below) taken out and `put` added or replaced.
   * A removed path that is not there is not an error.
   */
  with(changes: { readonly put?: readonly TreeEntry[]; readonly remove?: readonly RelPath[] }): Tree {
    const files = new Map(this.entries.map((entry) => [entry.relpath, entry]));
    for (const path of changes.remove ?? []) for (const { relpath } of this.under(path)) files.delete(relpath);
    for (const entry of changes.put ?? []) files.set(entry.relpath, entry);
    return Tree.from(files.values());
  }

  /** Index of the first entry that is not below `relpath` in code point order. */
  #lowerBound(relpath: string): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareCodePoints((this.entries[middle] as TreeEntry).relpath, relpath) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compareUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isSorted(list: readonly TreeEntry[]): boolean {
  for (let i = 1; i < list.length; i++) {
    const a = (list[i - 1] as TreeEntry).relpath;
    const b = (list[i] as TreeEntry).relpath;
    if (a >= b || needsCodePointOrder(b)) return false;
  }
  return true;
}

function checkUnique(list: readonly TreeEntry[], source: string): void {
  for (let i = 1; i < list.length; i++) {
    const { relpath } = list[i] as TreeEntry;
    if ((list[i - 1] as TreeEntry).relpath === relpath)
      throw new UnsafePathError(`path ${JSON.stringify(relpath)} stands twice in '${source}'`);
  }
}

/** Refuses a file that is also a folder: each distinct parent folder is looked up once. */
function checkFolders(tree: Tree, source: string): void {
  let previous = "";
  for (const { relpath } of tree.entries) {
    const slash = relpath.lastIndexOf("/");
    const folder = slash < 0 ? "" : relpath.slice(0, slash);
    if (folder === previous) continue;
    const known = commonLength(folder, previous);
    previous = folder;
    for (let at = folder.length; at > known; at = folder.lastIndexOf("/", at - 1)) {
      const parent = folder.slice(0, at);
      if (tree.get(parent) !== undefined)
        throw new UnsafePathError(`path ${JSON.stringify(parent)} is both a file and a folder in '${source}'`);
    }
  }
}

/** Of which folders above the second have been looked up: as long as the text that both begin with, up to a "/". */
function commonLength(folder: string, previous: string): number {
  let at = 0;
  while (at < folder.length && folder.charCodeAt(at) === previous.charCodeAt(at)) at++;
  return Math.max(0, folder.lastIndexOf("/", at - 1));
}

function parseJson(buffer: Buffer, source: string): TreeEntry[] {
  if (buffer.length > MAX_JSON_BYTES)
    throw new FormatError(`'${source}' is corrupted: so large a manifest is not spelled like this`, { file: source });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(buffer));
  } catch (cause) {
    throw new FormatError(`'${source}' is corrupted`, { file: source, cause });
  }
  if (!Array.isArray(value)) throw new FormatError(`'${source}' is corrupted: not a list`, { file: source });
  return value.map((item: unknown, index) => {
    const { relpath, md5, size } = (item ?? {}) as { relpath?: unknown; md5?: unknown; size?: unknown };
    if (typeof relpath !== "string" || typeof md5 !== "string" || !/^[0-9a-f]{32}$/.test(md5))
      throw new FormatError(`'${source}' is corrupted: entry ${String(index)} has no path or no md5`, { file: source });
    return typeof size === "number" ? { relpath, md5, size } : { relpath, md5 };
  });
}

function serializeEntries(entries: readonly TreeEntry[]): Buffer {
  if (entries.length === 0) return Buffer.from("[]");
  let length = 2 + entries.length * (9 + 32 + 15 + 2) + (entries.length - 1) * 2;
  let plain = true;
  const last = entries.length - 1;
  for (const { relpath } of entries) {
    length += relpath.length;
    plain &&= isPlain(relpath);
  }
  if (!plain) return serializeEscaped(entries);
  // Latin-1 writes of one joined chunk at a time: one string of everything would double the peak memory.
  const bytes = Buffer.allocUnsafe(length);
  let at = bytes.write("[", 0, "latin1");
  let chunk = "";
  for (let i = 0; i <= last; i++) {
    const { relpath, md5 } = entries[i] as TreeEntry;
    chunk += `{"md5": "${md5}", "relpath": "${relpath}"}`;
    chunk += i < last ? ", " : "]";
    if (chunk.length > 65536) {
      at += bytes.write(chunk, at, "latin1");
      chunk = "";
    }
  }
  at += bytes.write(chunk, at, "latin1");
  return at === length ? bytes : bytes.subarray(0, at);
}

/** Whether the path is written as it is: printable ASCII without quote and backslash. */
function isPlain(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c < 32 || c > 126 || c === 34 || c === 92) return false;
  }
  return true;
}

function serializeEscaped(entries: readonly TreeEntry[]): Buffer {
  const parts = entries.map(
    ({ md5, relpath }) =>
      `{"md5": "${md5}", "relpath": ${
        isPlain(relpath)
          ? `"${relpath}"`
          : JSON.stringify(relpath).replace(
              /[^\x20-\x7e]/g,
              (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
            )
      }}`,
  );
  return Buffer.from(`[${parts.join(", ")}]`, "latin1");
}
