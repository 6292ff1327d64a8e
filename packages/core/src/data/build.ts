import type { BigIntStats } from "node:fs";
import { lstatSync, statSync } from "node:fs";
import { DvcError } from "../base/errors.ts";
import { info } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import type { HashInfo } from "../hash/hashInfo.ts";
import type { Meta } from "../odb/meta.ts";
import type { TreeEntry } from "../odb/tree.ts";
import { Tree } from "../odb/tree.ts";
import type { BuildOptions } from "./buildOptions.ts";
import { md5Dos2Unix, md5File } from "../hash/md5.ts";
import type { FolderRecord } from "../odb/folderRecords.ts";
import { ManifestCheck } from "../odb/manifestCheck.ts";
import type { State } from "../odb/state.ts";
import { FileColumns } from "./fileColumns.ts";
import { type FolderLook, fingerprintOf, isSettled, lookAtFolder } from "./fingerprint.ts";
import { ingest } from "./ingest.ts";
import { ioError } from "./ioError.ts";

export type { BuildOptions } from "./buildOptions.ts";

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
  const files = new FileColumns();
  files.add(path, "", stat, options.state?.lookup(path, stat, name));
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
    record === undefined || store === undefined ? undefined : new ManifestCheck(store, record.oid, record.nfiles);
  const look = lookAtFolder(root, {
    ignore: options.ignore,
    within: options.within,
    signal: options.signal,
    onLinkedFolder: (path) => {
      info(options, `'${path}' is a link to a folder: it is left out.`);
    },
  });
  const { files } = look;
  const fingerprint = options.within === undefined && state !== undefined ? fingerprintOf(look) : undefined;
  if (record !== undefined && record.fingerprint === fingerprint && stored?.isWhole() !== false) {
    return unchangedFolder(look, record, name, state);
  }
  lookUp(files, name, state);
  await ingest(files, options);
  const tree = Tree.fromWalk(entriesOf(files));
  if (store !== undefined) {
    store.addTree(tree);
    store.flush();
  }
  const size = files.totalSize;
  if (fingerprint !== undefined && isSettled(look)) {
    state?.folders.set(root, name, { fingerprint: fingerprintOf(look), oid: tree.oid, size, nfiles: files.count });
  }
  return { hash: { name, value: tree.oid }, meta: { size, nfiles: files.count }, tree, hasLinks: look.hasLinks };
}

function lookUp(files: FileColumns, name: "md5" | "md5-dos2unix", state: State | undefined): void {
  if (state === undefined) return;
  for (let i = 0; i < files.count; i++) {
    files.hashes[i] = state.lookup(files.paths[i] as OsPath, files.condition(i), name);
  }
}

/** The tree is only put together when somebody asks for it. */
function unchangedFolder(
  look: FolderLook,
  record: FolderRecord,
  name: "md5" | "md5-dos2unix",
  state: State | undefined,
): Built {
  const { files } = look;
  let tree: Tree | undefined;
  return {
    hash: { name, value: record.oid },
    meta: { size: record.size, nfiles: files.count },
    hasLinks: look.hasLinks,
    get tree(): Tree {
      if (tree === undefined) {
        lookUp(files, name, state);
        for (let i = 0; i < files.count; i++) {
          const path = files.paths[i] as OsPath;
          files.hashes[i] ??= (name === "md5" ? md5File(path) : md5Dos2Unix(path)).md5;
        }
        tree = Tree.fromWalk(entriesOf(files));
      }
      return tree;
    },
  };
}

function entriesOf(files: FileColumns): TreeEntry[] {
  const entries = new Array<TreeEntry>(files.count);
  for (let i = 0; i < entries.length; i++)
    entries[i] = { relpath: files.relpaths[i] as string, md5: files.md5(i), size: files.size(i) };
  return entries;
}
