import { lstatSync, statSync } from "node:fs";
import { startWorker } from "../base/threads.ts";
import { isYoung } from "../base/clockGrain.ts";
import { sortByCodePoint } from "../base/codePoints.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import type { FolderRecord } from "../odb/folderRecords.ts";
import { FOLDER_NUMBERS, HAS_NAMES, IS_LINK } from "../odb/folderRecords.ts";
import { hasFolderTimes } from "../odb/folderTimes.ts";
import { STAMP_FIELDS } from "../odb/stateTable.ts";
import { FileColumns, SIZE } from "./fileColumns.ts";
import { type RowShare, SAME, scanLeftRows, scanRows } from "./rowScan.ts";
import { type IgnorePredicate, walkFiles } from "./walk.ts";

/** A folder's files with their conditions, and its folders: all that can change in it without a look at the bytes. */
export interface FolderLook {
  /** Nothing changed since the record: the columns need not be put together. */
  readonly isAsRecorded: boolean;
  /** Number of files. */
  readonly count: number;
  /** The files; those that are as recorded with the recorded hash. */
  readonly files: FileColumns;
  /**
   * Where only some of the recorded files are not as they were: these, so that the columns of all need not be put together.
   * What is known of them by then is in `files` when that is first asked for.
   */
  readonly changes?: ChangedFiles;
  /** Those in the folder, "/" at the end. */
  readonly folders: readonly RelPath[];
  /** Whether some file is a symlink or has several names. */
  readonly hasLinks: boolean;
  /** Whether something was left out: ignored names, linked folders, broken links. */
  readonly isPartial: boolean;
  /** What to record for next time, once `files` has all hashes. */
  record(oid: string): FolderRecord;
}

/** Recorded files that are not as they were. */
export interface ChangedFiles {
  /** Their numbers among all files. */
  readonly rows: readonly number[];
  /** Their conditions, in the order of the rows; no hashes yet. */
  readonly files: FileColumns;
}

/** How to look. */
export interface LookOptions {
  readonly ignore?: IgnorePredicate | undefined;
  readonly within?: RelPath | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onLinkedFolder?: ((path: OsPath) => void) | undefined;
  readonly onBrokenLink?: ((path: OsPath) => void) | undefined;
}

/**
 * From this many files on a second thread pays: it costs 45 ms of work and takes part after 30, 20,000 looks need 90. Measured
 * with 20,000: 10 ms less on a machine with nothing else to do, 20 ms more on a busy one.
 */
const WORTH_A_THREAD = 30_000;
/** No clock of a file system is coarser than this, in ms. */
const OLD_MS = 5000;
/** Names that no walk of a project enters. */
const RESERVED_FOLDER = /(^|\/)\.(git|dvc|hg)\/$/;
const RESERVED_ENDS: readonly string[] = [".git", ".dvc", ".hg"];

/** Stats everything in a folder; `record` is what it held last time. @throws as {@link walkFiles} */
export function lookAtFolder(root: OsPath, options: LookOptions, record?: FolderRecord): FolderLook {
  // Before the first look: whatever is edited later than this must differ next time.
  const asOf = Date.now();
  const known = record === undefined ? undefined : new KnownFolder(root, record, options);
  if (known?.isUnchanged === true) return known.asLook(asOf);
  return (
    (known?.hasSameNames === true ? rowsLook(known, asOf) : undefined) ?? new WalkedLook(root, options, known, asOf)
  );
}

/** A folder beside its record: which of its folders hold the same names, which files are as they were. */
class KnownFolder {
  readonly record: FolderRecord;
  readonly isUnchanged: boolean;
  /** No name came or went, and none is ignored: at most some files changed. */
  readonly hasSameNames: boolean;
  /** The folder, "/" at the end. */
  readonly base: OsPath;
  readonly #verdicts: Uint8Array;
  readonly #sameFolders: ReadonlySet<RelPath>;
  #names: Map<RelPath, string[]> | undefined;
  /** The row after the last one asked for: questions come in the order of the record. */
  #next = 0;

  constructor(root: OsPath, record: FolderRecord, options: LookOptions) {
    this.record = record;
    this.base = root.endsWith("/") ? root : `${root}/`;
    this.#verdicts = new Uint8Array(new SharedArrayBuffer(record.nfiles));
    const share: RowShare = {
      base: this.base,
      relpaths: record.relpaths.share,
      stats: record.stats,
      flags: record.flags,
      verdicts: this.#verdicts,
      next: new Int32Array(new SharedArrayBuffer(4)),
    };
    if (record.nfiles >= WORTH_A_THREAD) startWorker("data/lookWorker", share)?.worker.unref();
    this.#sameFolders = sameFolders(root, record);
    scanRows(share, options.signal);
    scanLeftRows(share);
    this.hasSameNames = this.#sameFolders.size === record.folders.length && !this.#isAnyIgnored(options.ignore);
    this.isUnchanged = this.hasSameNames && this.#verdicts.every((verdict) => verdict === SAME);
  }

  /** Rows of the files that are not as they were. */
  changedRows(): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#verdicts.length; row++) if (this.#verdicts[row] !== SAME) rows.push(row);
    return rows;
  }

  /** Rules may have come that leave out what was recorded. */
  #isAnyIgnored(ignore: IgnorePredicate | undefined): boolean {
    if (ignore === undefined) return false;
    const { folders, relpaths } = this.record;
    // All folders hold the names they held, and a folder with a file of rules is never recorded.
    if (ignore.isFree?.(this.base.slice(0, -1)) === true && !hasReservedNames(this.record)) return false;
    for (let i = 1; i < folders.length; i++)
      if (ignore.dir(this.base + (folders[i] as string).slice(0, -1))) return true;
    for (const relpath of relpaths) if (ignore.file(this.base + relpath)) return true;
    return false;
  }

  /** Names in a folder that is as it was; undefined for others. */
  namesOf(folder: RelPath): readonly string[] | undefined {
    if (!this.#sameFolders.has(folder)) return undefined;
    this.#names ??= namesByFolder(this.record);
    return this.#names.get(folder) ?? [];
  }

  /** Row of a file that is as it was, or -1. */
  rowOf(relpath: RelPath): number {
    const { relpaths } = this.record;
    let row = this.#next;
    if (row >= relpaths.length || relpaths.at(row) !== relpath) {
      row = relpaths.rowFrom(Buffer.from(relpath));
      if (row >= relpaths.length || relpaths.at(row) !== relpath) return -1;
    }
    this.#next = row + 1;
    return this.#verdicts[row] === SAME ? row : -1;
  }

  /** All as it was. */
  asLook(asOf: number): FolderLook {
    const { record } = this;
    const { base } = this;
    let files: FileColumns | undefined;
    return {
      isAsRecorded: true,
      count: record.nfiles,
      get files() {
        files ??= recordedColumns(base, record, asOf);
        return files;
      },
      folders: record.folders.slice(1),
      hasLinks: record.flags.some((flag) => flag !== 0),
      isPartial: false,
      record: (oid) => ({ ...record, oid }),
    };
  }
}

/** Whether some file or folder may have a name that is left out whatever the rules say. */
function hasReservedNames({ relpaths, folders }: FolderRecord): boolean {
  if (folders.some((folder) => RESERVED_FOLDER.test(folder))) return true;
  const { buffer, byteOffset, byteLength } = relpaths.joined;
  const text = Buffer.from(buffer, byteOffset, byteLength);
  return RESERVED_ENDS.some(
    (end) => text.includes(`${end}\0`) || text.subarray(-end.length).equals(Buffer.from(end, "latin1")),
  );
}

/** Folders that hold the names they held. */
function sameFolders(root: OsPath, record: FolderRecord): Set<RelPath> {
  const same = new Set<RelPath>();
  if (!hasFolderTimes(root)) return same;
  const now = new BigUint64Array(FOLDER_NUMBERS);
  const device = record.folderStats[0];
  for (const [index, folder] of record.folders.entries()) {
    if (!noteFolder(root, folder, now, 0)) continue;
    const at = index * FOLDER_NUMBERS;
    // Another file system mounted inside is listed: its folders' times may mean nothing.
    if (now[0] === device && now.every((number, i) => record.folderStats[at + i] === number)) same.add(folder);
  }
  return same;
}

/** Writes a folder's numbers into a column; false when it is no folder any more. */
function noteFolder(root: OsPath, folder: RelPath, column: BigUint64Array, at: number): boolean {
  const path = folder === "" ? root : `${root}/${folder.slice(0, -1)}`;
  try {
    const stat = (folder === "" ? statSync : lstatSync)(path, { bigint: true, throwIfNoEntry: false });
    if (stat?.isDirectory() !== true) return false;
    column[at] = stat.dev;
    column[at + 1] = stat.ino;
    column[at + 2] = stat.mtimeNs;
    column[at + 3] = stat.ctimeNs;
    return true;
  } catch {
    return false;
  }
}

function namesByFolder(record: FolderRecord): Map<RelPath, string[]> {
  const found = new Map<RelPath, string[]>(record.folders.map((folder) => [folder, []]));
  const note = (path: RelPath): void => {
    const cut = path.lastIndexOf("/") + 1;
    found.get(path.slice(0, cut))?.push(path.slice(cut));
  };
  for (const relpath of record.relpaths) note(relpath);
  for (const folder of record.folders) if (folder !== "") note(folder.slice(0, -1));
  for (const names of found.values()) sortByCodePoint(names);
  return found;
}

function recordedColumns(base: OsPath, record: FolderRecord, asOf: number): FileColumns {
  const { relpaths } = record;
  return new FileColumns(base, asOf, { relpaths, stats: record.stats.slice(), digests: Buffer.from(record.digests) });
}

/** Only some files changed: they alone are looked at again. Undefined when one is no plain file now. */
function rowsLook(known: KnownFolder, asOf: number): FolderLook | undefined {
  const { record, base } = known;
  const flags = record.flags.slice();
  const rows = known.changedRows();
  const changed = new FileColumns(base, asOf);
  for (const row of rows) {
    const relpath = record.relpaths.at(row);
    const path = base + relpath;
    const own = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    const isLink = own?.isSymbolicLink() === true;
    const stat = isLink ? statSync(path, { bigint: true, throwIfNoEntry: false }) : own;
    if (stat?.isFile() !== true) return undefined;
    flags[row] = isLink ? IS_LINK : stat.nlink > 1n ? HAS_NAMES : 0;
    changed.add(relpath, stat);
  }
  return new RowsLook(known, rows, changed, flags);
}

/** A folder of which only some files are not as recorded. */
class RowsLook implements FolderLook {
  readonly isAsRecorded = false;
  readonly isPartial = false;
  readonly count: number;
  readonly folders: readonly RelPath[];
  readonly hasLinks: boolean;
  readonly changes: ChangedFiles;
  readonly #known: KnownFolder;
  readonly #flags: Uint8Array;
  #files: FileColumns | undefined;

  constructor(known: KnownFolder, rows: readonly number[], files: FileColumns, flags: Uint8Array) {
    this.#known = known;
    this.#flags = flags;
    this.changes = { rows, files };
    this.count = known.record.nfiles;
    this.folders = known.record.folders.slice(1);
    this.hasLinks = flags.some((flag) => flag !== 0);
  }

  get files(): FileColumns {
    if (this.#files !== undefined) return this.#files;
    const { rows, files: changed } = this.changes;
    const files = recordedColumns(this.#known.base, this.#known.record, changed.asOf);
    for (const [index, row] of rows.entries()) {
      files.setStat(row, changed.condition(index));
      if (changed.hasHash(index)) files.setDigest(row, changed.digests, index);
      else files.setHash(row, undefined);
    }
    this.#files = files;
    return files;
  }

  record(oid: string): FolderRecord {
    const { record } = this.#known;
    const { rows, files: changed } = this.changes;
    const all = this.#files;
    const stats = record.stats.slice();
    const digests = Buffer.from(record.digests);
    for (const [index, row] of rows.entries()) {
      // The columns of all files, once put together, are the ones that go on to be filled.
      const [from, at] = all === undefined ? [changed, index] : [all, row];
      digests.write(from.md5(at), row * 16, "hex");
      stats.set(from.stats.subarray(at * STAMP_FIELDS, (at + 1) * STAMP_FIELDS), row * STAMP_FIELDS);
    }
    const size = sumOfSizes(stats);
    for (const row of rows) forgetYoung(stats, row, changed.asOf);
    const { nfiles, relpaths, folders, folderStats } = record;
    return { oid, size, nfiles, relpaths, stats, digests, flags: this.#flags, folders, folderStats };
  }
}

/** Bytes of all files of a column in which no row is empty. */
function sumOfSizes(stats: BigUint64Array): number {
  const halves = new Uint32Array(stats.buffer, stats.byteOffset, stats.length * 2);
  let sum = 0;
  for (let at = SIZE * 2; at < halves.length; at += STAMP_FIELDS * 2)
    sum += (halves[at] as number) + (halves[at + 1] as number) * 2 ** 32;
  return sum;
}

/** A file edited so lately that another edit could leave the same times is looked at closer next time. */
function forgetYoung(stats: BigUint64Array, row: number, asOf: number): void {
  const at = row * STAMP_FIELDS;
  if (isTooYoung(stats[at + 4] as bigint, asOf)) stats.fill(0n, at, at + STAMP_FIELDS);
}

/** A folder walked from top to bottom, with what is known of it taken from the record. */
class WalkedLook implements FolderLook {
  readonly isAsRecorded = false;
  readonly files: FileColumns;
  readonly folders: RelPath[] = [];
  readonly #root: OsPath;
  /** The flag of each file that has one. */
  readonly #flags = new Map<number, number>();
  #folderStats = new BigUint64Array(FOLDER_NUMBERS * 64);
  /** Folders in which something was left out. */
  readonly #partial = new Set<RelPath>();

  constructor(root: OsPath, options: LookOptions, known: KnownFolder | undefined, asOf: number) {
    this.#root = root;
    this.files = new FileColumns(root.endsWith("/") ? root : `${root}/`, asOf);
    this.#noteFolder("");
    let flag = 0;
    const walk = {
      ...options,
      ignore: options.ignore === undefined ? undefined : this.#watched(options.ignore),
      onLinkedFolder: (path: OsPath): void => {
        this.#leaveOut(path);
        options.onLinkedFolder?.(path);
      },
      onBrokenLink:
        options.onBrokenLink === undefined
          ? undefined
          : (path: OsPath): void => {
              this.#leaveOut(path);
              options.onBrokenLink?.(path);
            },
      onFolder: (rel: RelPath): void => {
        this.folders.push(rel);
        this.#noteFolder(rel);
      },
      onLinkedFile: (isLink: boolean): void => {
        flag = isLink ? IS_LINK : HAS_NAMES;
      },
      namesOf: (folder: RelPath): readonly string[] | undefined => known?.namesOf(folder),
      isKnown: known === undefined ? undefined : this.#taker(known, options.ignore),
    };
    walkFiles(root, walk, (_path, relpath, stat) => {
      if (flag !== 0) this.#flags.set(this.files.count, flag);
      flag = 0;
      this.files.add(relpath, stat);
    });
  }

  get count(): number {
    return this.files.count;
  }

  get hasLinks(): boolean {
    return this.#flags.size > 0;
  }

  get isPartial(): boolean {
    return this.#partial.size > 0;
  }

  record(oid: string): FolderRecord {
    const { files } = this;
    const { count } = files;
    const stats = files.stats.slice(0, count * STAMP_FIELDS);
    for (let row = 0; row < count; row++) forgetYoung(stats, row, files.asOf);
    const folders = ["", ...this.folders];
    const folderStats = this.#folderStats.slice(0, folders.length * FOLDER_NUMBERS);
    for (const [index, folder] of folders.entries()) {
      const at = index * FOLDER_NUMBERS;
      if (this.#partial.has(folder) || isTooYoung(folderStats[at + 3] as bigint, files.asOf))
        folderStats.fill(0n, at, at + FOLDER_NUMBERS);
    }
    const flags = new Uint8Array(count);
    for (const [row, flag] of this.#flags) flags[row] = flag;
    if (!files.isHashed) throw new Error(`not every file of '${this.#root}' was hashed`);
    return {
      oid,
      size: files.totalSize,
      nfiles: count,
      relpaths: files.relpaths,
      stats,
      digests: files.digests.subarray(0, count * 16),
      flags,
      folders,
      folderStats,
    };
  }

  /** Takes files that are as recorded from the record. */
  #taker(known: KnownFolder, ignore: IgnorePredicate | undefined): (path: OsPath, relpath: RelPath) => boolean {
    const { record } = known;
    return (path, relpath) => {
      const row = known.rowOf(relpath);
      if (row < 0 || ignore?.file(path) === true) return false;
      const flag = record.flags[row] as number;
      if (flag !== 0) this.#flags.set(this.files.count, flag);
      this.files.addRow(relpath, record, row);
      return true;
    };
  }

  /** What is left out must be looked for again each time: rules change without a trace in the folder. */
  #watched(ignore: IgnorePredicate): IgnorePredicate {
    const note = (path: OsPath, isIgnored: boolean): boolean => {
      if (isIgnored) this.#leaveOut(path);
      return isIgnored;
    };
    return { dir: (path) => note(path, ignore.dir(path)), file: (path) => note(path, ignore.file(path)) };
  }

  #leaveOut(path: OsPath): void {
    const rel = path.slice(this.#root.endsWith("/") ? this.#root.length : this.#root.length + 1);
    this.#partial.add(rel.slice(0, rel.lastIndexOf("/") + 1));
  }

  #noteFolder(rel: RelPath): void {
    const at = (rel === "" ? 0 : this.folders.length) * FOLDER_NUMBERS;
    if (this.#folderStats.length < at + FOLDER_NUMBERS) {
      const grown = new BigUint64Array(this.#folderStats.length * 2);
      grown.set(this.#folderStats);
      this.#folderStats = grown;
    }
    if (!noteFolder(this.#root, rel, this.#folderStats, at)) this.#partial.add(rel);
  }
}

/** Whether an edit since the look could leave the same times. */
function isTooYoung(ctimeNs: bigint, asOf: number): boolean {
  return ctimeNs > BigInt(asOf - OLD_MS) * 1_000_000n && isYoung({ ctimeNs }, asOf);
}
