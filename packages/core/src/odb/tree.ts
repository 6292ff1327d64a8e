import { DvcError, FormatError, UnsafePathError } from "../base/errors.ts";
import type { RelPath } from "../base/paths.ts";
import { checkManifestPath } from "../base/paths.ts";
import { DIR_SUFFIX } from "../hash/hashInfo.ts";
import { md5Bytes, newMd5 } from "../hash/md5.ts";
import { compareCodePoints, needsCodePointOrder } from "../base/codePoints.ts";
import type { TextColumn } from "../base/textColumn.ts";
import { DIGEST, digestAt } from "./oidColumn.ts";
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
export const MAX_MANIFEST_BYTES: number = 512 * 1024 * 1024;
/** The same where it is not spelled as DVC does: any JSON may be in it. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;
/** Bytes of an entry beside its path, at most. */
const ENTRY_BYTES = 9 + 32 + 15 + 2 + 2;
/** From so many files on the text is not put together for its hash alone. */
const LARGE = 250_000;
/** Characters that are put together before they are written. */
const CHUNK = 65536;

/** The files of a tree as columns, in order. */
export interface TreeColumns {
  readonly relpaths: TextColumn;
  /** 16 bytes a file. */
  readonly digests: Buffer;
  /** Bytes of a file. */
  readonly size?: (row: number) => number;
}

/**
 * The files of a tracked folder, sorted by code point of their path, each path checked, no duplicates, no file that is
 * also a folder. Its serialised bytes are the `.dir` object. A million files take 55 MB, unless {@link entries} is asked for.
 */
export class Tree implements Iterable<TreeEntry> {
  readonly #rows: TreeColumns | readonly TreeEntry[];
  #entries: WeakRef<readonly TreeEntry[]> | undefined;
  #oid: string | undefined;
  #bytes: WeakRef<Buffer> | undefined;

  private constructor(rows: TreeColumns | readonly TreeEntry[]) {
    this.#rows = rows;
  }

  /** All files as objects: for trees that are small, or of which most is needed at once. */
  get entries(): readonly TreeEntry[] {
    const rows = this.#rows;
    if (!isColumns(rows)) return rows;
    let entries = this.#entries?.deref();
    if (entries === undefined) this.#entries = new WeakRef((entries = [...this]));
    return entries;
  }

  *[Symbol.iterator](): IterableIterator<TreeEntry> {
    const rows = this.#rows;
    if (!isColumns(rows)) {
      yield* rows;
      return;
    }
    let row = 0;
    for (const relpath of rows.relpaths) {
      const md5 = digestAt(rows.digests, row);
      yield rows.size === undefined ? { relpath, md5 } : { relpath, md5, size: rows.size(row) };
      row++;
    }
  }

  /** Rows by the two digits that the hashes of their files begin with. */
  *rowsByShard(): IterableIterator<[shard: string, rows: Uint32Array]> {
    const rows = this.#rows;
    const shardOf = isColumns(rows)
      ? (row: number): number => rows.digests[row * DIGEST] as number
      : (row: number): number => parseInt((rows[row] as TreeEntry).md5.slice(0, 2), 16);
    /** Where the next row of each shard goes. */
    const next = new Uint32Array(257);
    for (let row = 0; row < this.nfiles; row++) next[shardOf(row) + 1] = (next[shardOf(row) + 1] as number) + 1;
    for (let shard = 1; shard < 257; shard++) next[shard] = (next[shard] as number) + (next[shard - 1] as number);
    const starts = next.slice();
    const order = new Uint32Array(this.nfiles);
    for (let row = 0; row < this.nfiles; row++) {
      const at = next[shardOf(row)] as number;
      order[at] = row;
      next[shardOf(row)] = at + 1;
    }
    for (let shard = 0; shard < 256; shard++) {
      const found = order.subarray(starts[shard], starts[shard + 1]);
      if (found.length > 0) yield [shard.toString(16).padStart(2, "0"), found];
    }
  }

  /** Hashes of the files, in their order; equal ones stay. */
  *md5s(): IterableIterator<string> {
    for (let row = 0; row < this.nfiles; row++) yield this.md5At(row);
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
  static fromWalk(columns: TreeColumns): Tree {
    return new Tree(columns);
  }

  /**
   * Reads the bytes of a `.dir` object. `source` names it in errors.
   * @throws {FormatError} when it is not a manifest, @throws {UnsafePathError} as {@link Tree.from}.
   */
  static parse(bytes: Uint8Array, source: string): Tree {
    if (bytes.length > MAX_MANIFEST_BYTES) throw new FormatError(`'${source}' is too large`, { file: source });
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const columns = scanManifest(buffer, (path) => {
      checkManifestPath(path, source);
    });
    if (columns === undefined) return Tree.from(parseJson(buffer, source), source);
    const tree = new Tree(columns);
    if (!columns.sorted) return Tree.#checked([...tree], source);
    checkFolders(tree, (path) => tree.get(path) !== undefined, source);
    return tree;
  }

  static #checked(list: TreeEntry[], source: string, sorted = isSorted(list)): Tree {
    if (!sorted) {
      const compare = list.some((entry) => needsCodePointOrder(entry.relpath)) ? compareCodePoints : compareUnits;
      list.sort((a, b) => compare(a.relpath, b.relpath));
    }
    const tree = new Tree(list);
    checkUnique(list, source);
    checkFolders(tree, (path) => tree.get(path) !== undefined, source);
    return tree;
  }

  /** Number of files. */
  get nfiles(): number {
    const rows = this.#rows;
    return isColumns(rows) ? rows.relpaths.length : rows.length;
  }

  /** The bytes of the `.dir` object, as Python's `json.dumps(list, sort_keys=True)` spells them. */
  serialize(): Buffer {
    const kept = this.#bytes?.deref();
    if (kept !== undefined) return kept;
    const bytes = serializeTree(this, this.#textSize());
    if (bytes.length > MAX_MANIFEST_BYTES)
      throw new DvcError(`a folder of ${String(this.nfiles)} files is too large to be recorded as one`, {
        hint: "Its manifest would have more than 512 MiB. Track its sub-folders, each for itself.",
      });
    this.#bytes = new WeakRef(bytes);
    return bytes;
  }

  /** `<md5 of the manifest>.dir`. */
  get oid(): string {
    this.#oid ??=
      (this.nfiles < LARGE || this.#bytes?.deref() !== undefined ? md5Bytes(this.serialize()) : hashOfPieces(this)) +
      DIR_SUFFIX;
    return this.#oid;
  }

  /** The file at `relpath`. */
  get(relpath: RelPath): TreeEntry | undefined {
    const row = this.#lowerBound(relpath);
    const entry = row < this.nfiles ? this.#entryAt(row) : undefined;
    return entry?.relpath === relpath ? entry : undefined;
  }

  /** Whether any file lies below `relpath`. "" and "." name the folder itself. */
  hasFolder(relpath: RelPath): boolean {
    if (relpath === "" || relpath === ".") return true;
    const prefix = `${relpath}/`;
    const row = this.#lowerBound(prefix);
    return row < this.nfiles && this.#entryAt(row).relpath.startsWith(prefix);
  }

  /** The file `prefix` itself, or all files below the folder `prefix`, in order, with their full relpaths. */
  under(prefix: RelPath): TreeEntry[] {
    if (prefix === "" || prefix === ".") return [...this];
    const file = this.get(prefix);
    const folder = `${prefix}/`;
    const found: TreeEntry[] = file === undefined ? [] : [file];
    for (let i = this.#lowerBound(folder); i < this.nfiles; i++) {
      const entry = this.#entryAt(i);
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
    const files = new Map<RelPath, TreeEntry>();
    for (const entry of this) files.set(entry.relpath, entry);
    for (const path of changes.remove ?? []) for (const { relpath } of this.under(path)) files.delete(relpath);
    for (const entry of changes.put ?? []) files.set(entry.relpath, entry);
    return Tree.from(files.values());
  }

  /** Index of the first entry that is not below `relpath` in code point order. */
  #lowerBound(relpath: string): number {
    const rows = this.#rows;
    if (isColumns(rows)) return rows.relpaths.rowFrom(Buffer.from(relpath));
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareCodePoints((rows[middle] as TreeEntry).relpath, relpath) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Bytes of the text, when no path needs an escape. */
  #textSize(): number {
    const rows = this.#rows;
    const paths = isColumns(rows)
      ? rows.relpaths.joined.length
      : rows.reduce((sum, one) => sum + one.relpath.length, 0);
    return 2 + paths + this.nfiles * ENTRY_BYTES;
  }

  /** Hash of the file in row `row`. */
  md5At(row: number): string {
    const rows = this.#rows;
    return isColumns(rows) ? digestAt(rows.digests, row) : (rows[row] as TreeEntry).md5;
  }

  #entryAt(row: number): TreeEntry {
    const rows = this.#rows;
    if (!isColumns(rows)) return rows[row] as TreeEntry;
    const entry = { relpath: rows.relpaths.at(row), md5: digestAt(rows.digests, row) };
    return rows.size === undefined ? entry : { ...entry, size: rows.size(row) };
  }
}

function isColumns(rows: TreeColumns | readonly TreeEntry[]): rows is TreeColumns {
  return "digests" in rows;
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

/**
 * Refuses a file that is also a folder: each distinct parent folder is looked up once, when files of a folder follow each other.
 * @throws {UnsafePathError}
 */
export function checkFolders(
  files: Iterable<Pick<TreeEntry, "relpath">>,
  isFile: (path: RelPath) => boolean,
  source: string,
): void {
  let previous = "";
  for (const { relpath } of files) {
    const slash = relpath.lastIndexOf("/");
    const folder = slash < 0 ? "" : relpath.slice(0, slash);
    if (folder === previous) continue;
    const known = commonLength(folder, previous);
    previous = folder;
    for (let at = folder.length; at > known; at = folder.lastIndexOf("/", at - 1)) {
      const parent = folder.slice(0, at);
      if (isFile(parent))
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

/** `sizeHint`: bytes, where no path needs an escape. */
function serializeTree(tree: Tree, sizeHint: number): Buffer {
  let bytes = Buffer.allocUnsafeSlow(sizeHint);
  let at = 0;
  for (const piece of piecesOf(tree)) {
    if (at + piece.length > bytes.length) bytes = Buffer.concat([bytes.subarray(0, at)], at * 2 + piece.length);
    at += bytes.write(piece, at, "latin1");
  }
  return bytes.subarray(0, at);
}

/** The text of a manifest, which is ASCII, in pieces: one string of everything would double the peak memory. */
function* piecesOf(tree: Tree): Iterable<string> {
  let chunk = "[";
  let isFirst = true;
  for (const { relpath, md5 } of tree) {
    if (!isFirst) chunk += ", ";
    isFirst = false;
    chunk += `{"md5": "${md5}", "relpath": ${isPlain(relpath) ? `"${relpath}"` : escaped(relpath)}}`;
    if (chunk.length <= CHUNK) continue;
    yield chunk;
    chunk = "";
  }
  yield `${chunk}]`;
}

/** The md5 of the text of a large manifest, without the text as a whole. */
function hashOfPieces(tree: Tree): string {
  const hash = newMd5();
  for (const piece of piecesOf(tree)) hash.update(Buffer.from(piece, "latin1"));
  return hash.digest("hex");
}

/** Whether the path is written as it is: printable ASCII without quote and backslash. */
function isPlain(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c < 32 || c > 126 || c === 34 || c === 92) return false;
  }
  return true;
}

function escaped(path: string): string {
  return JSON.stringify(path).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
