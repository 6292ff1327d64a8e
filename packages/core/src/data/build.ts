import type { BigIntStats } from "node:fs";
import { lstatSync, statSync } from "node:fs";
import { DvcError } from "../base/errors.ts";
import { warn } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import type { HashInfo } from "../hash/hashInfo.ts";
import type { Meta } from "../odb/meta.ts";
import type { Tree } from "../odb/tree.ts";
import type { BuildOptions } from "./buildOptions.ts";
import { WORTH_A_LOOK } from "../odb/cacheLooks.ts";
import type { FolderRecord } from "../odb/folderRecords.ts";
import { ManifestCheck } from "../odb/manifestCheck.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import type { State } from "../odb/state.ts";
import { FileColumns } from "./fileColumns.ts";
import { type ChangedFiles, type FolderLook, lookAtFolder } from "./folderLook.ts";
import { ingest } from "./ingest.ts";
import { ioError } from "./ioError.ts";

export type { BuildOptions } from "./buildOptions.ts";

/** Up to so many files and bytes are hashed rather than looked up. */
const LITTLE_FILES = 400;
const LITTLE_BYTES = 8 * 1024 * 1024;

/** What a path holds. */
export interface Built {
  readonly hash: HashInfo;
  /** Of a file `size` and `isexec`, of a folder `size` and `nfiles`. */
  readonly meta: Meta;
  /** The files of a folder, with sizes. */
  readonly tree?: Tree;
  /** Whether some file is a symlink or has several names. */
  readonly hasLinks: boolean;
}

/**
 * Hashes a file or folder; stores its bytes in the same pass when `store` is given. When it returns, everything stored
 * is safe against power loss. Linked files are followed. On abort or error nothing wrong is left: what was stored stays.
 *
 * @throws {DvcError} `[Errno 2] No such file or directory: …` when it, or the target of a link in it, is missing; when a
 * file keeps changing while it is read; and as {@link walkFiles}.
 */
export async function build(path: OsPath, options: BuildOptions = {}): Promise<Built> {
  let stat: BigIntStats;
  try {
    stat = statSync(path, { bigint: true });
  } catch (error) {
    throw ioError(error, path);
  }
  if (stat.isDirectory()) return buildFolder(path, options);
  if (!stat.isFile()) throw new DvcError(`'${path}' is neither a file nor a folder`, { code: "unsupported" });
  return buildFile(path, stat, options);
}

async function buildFile(path: OsPath, stat: BigIntStats, options: BuildOptions): Promise<Built> {
  const name = options.hashName ?? "md5";
  const files = new FileColumns(path);
  files.add("", stat, options.state?.lookup(path, stat, name));
  await ingest(files, options);
  const meta: Meta = { size: files.size(0), ...((stat.mode & 0o100n) === 0n ? {} : { isexec: true }) };
  const own = lstatSync(path, { throwIfNoEntry: false });
  const hasLinks = own === undefined || own.isSymbolicLink() || own.nlink > 1;
  return { hash: { name, value: files.md5(0) }, meta, hasLinks };
}

async function buildFolder(root: OsPath, options: BuildOptions): Promise<Built> {
  const name = options.hashName ?? "md5";
  const { state, store } = options;
  const record = options.within === undefined ? state?.folders.get(root, name) : undefined;
  // What was stored last time is most likely what is asked for again: a second thread looks while this one walks.
  const stored =
    record === undefined || store === undefined
      ? undefined
      : new ManifestCheck(store, record.oid, record.nfiles, state?.cacheLooks);
  const look = lookAtFolder(
    root,
    {
      ignore: options.ignore,
      within: options.within,
      signal: options.signal,
      onBrokenLink: options.onBrokenLink,
      onLinkedFolder: (path) => {
        warn(options, `'${path}' is a link to a folder: it is left out.`);
      },
    },
    record,
  );
  const isStored = stored?.isWhole() !== false;
  if (record !== undefined && look.isAsRecorded && isStored) return unchangedFolder(look, record, name);
  let isTouched = false;
  if (record !== undefined && isStored && look.changes !== undefined) {
    await ingestFew(look.changes.files, name, options);
    isTouched = hasHashesOfRows(look.changes, record);
  } else if (record !== undefined && isStored) {
    await ingestNew(look.files, name, options);
    isTouched = look.count === record.nfiles && hasRecordedHashes(look.files, record);
  } else {
    lookUp(look.files, name, state);
    await ingest(look.files, options);
  }
  if (record !== undefined && isTouched) {
    // Touched, not changed: the manifest is the one recorded.
    state?.folders.set(root, name, look.record(record.oid));
    return unchangedFolder(look, record, name);
  }
  const { files } = look;
  const tree = files.tree;
  if (store !== undefined) {
    if (options.storeManifest !== false) store.addTree(tree);
    store.flush();
    if (record === undefined) noteStored(tree, store, options);
  }
  if (options.within === undefined) state?.folders.set(root, name, look.record(tree.oid));
  return {
    hash: { name, value: tree.oid },
    meta: { size: files.totalSize, nfiles: files.count },
    tree,
    hasLinks: look.hasLinks,
  };
}

/** So that the first look at a large folder can be as short as later ones. */
function noteStored(tree: Tree, store: ObjectDb, { state, storeManifest }: BuildOptions): void {
  if (state === undefined || storeManifest === false || tree.nfiles < WORTH_A_LOOK) return;
  state.cacheLooks.noteStored({ folder: store.folder, oid: tree.oid, path: store.pathOf(tree.oid), tree });
}

/** Whether each file has the name and the hash that the record has in its place. */
function hasRecordedHashes(files: FileColumns, record: FolderRecord): boolean {
  const { relpaths, digests } = record;
  if (!files.isHashed || files.digests.compare(digests, 0, files.count * 16, 0, files.count * 16) !== 0) return false;
  for (let i = 0; i < files.count; i++) if (!files.relpaths.isSame(i, relpaths, i)) return false;
  return true;
}

/** Whether each changed file has the hash that the record has in its row: its name is the same anyway. */
function hasHashesOfRows({ rows, files }: ChangedFiles, record: FolderRecord): boolean {
  const { digests } = record;
  return rows.every((row, index) =>
    Buffer.from(files.md5(index), "hex").equals(digests.subarray(row * 16, row * 16 + 16)),
  );
}

/** Hashes and stores only what the record does not know; all that it knows is in the store, if there is one. */
async function ingestNew(files: FileColumns, name: "md5" | "md5-dos2unix", options: BuildOptions): Promise<void> {
  const rows: number[] = [];
  const fresh = new FileColumns(files.base, files.asOf);
  for (let row = 0; row < files.count; row++) {
    if (files.hasHash(row)) continue;
    rows.push(row);
    fresh.add(files.relpaths.at(row), files.condition(row));
  }
  await ingestFew(fresh, name, options);
  for (const [index, row] of rows.entries()) {
    files.setHash(row, fresh.md5(index));
    files.setStat(row, fresh.condition(index));
  }
}

/** A few small files are hashed in less time than the state is read and written; the record of the folder keeps them. */
async function ingestFew(files: FileColumns, name: "md5" | "md5-dos2unix", options: BuildOptions): Promise<void> {
  const isLittle = files.count <= LITTLE_FILES && files.totalSize <= LITTLE_BYTES;
  const state = isLittle ? undefined : options.state;
  lookUp(files, name, state);
  await ingest(files, { ...options, state });
}

function lookUp(files: FileColumns, name: "md5" | "md5-dos2unix", state: State | undefined): void {
  if (state === undefined) return;
  for (let i = 0; i < files.count; i++)
    if (!files.hasHash(i)) files.setHash(i, state.lookup("", files.condition(i), name));
}

/** The tree is only put together when somebody asks for it. */
function unchangedFolder(look: FolderLook, record: FolderRecord, name: "md5" | "md5-dos2unix"): Built {
  let tree: Tree | undefined;
  return {
    hash: { name, value: record.oid },
    meta: { size: record.size, nfiles: record.nfiles },
    hasLinks: look.hasLinks,
    get tree(): Tree {
      tree ??= look.files.tree;
      return tree;
    },
  };
}
