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
import { FileColumns } from "./fileColumns.ts";
import { ingest } from "./ingest.ts";
import { ioError } from "./ioError.ts";
import { walkFiles } from "./walk.ts";

export type { BuildOptions } from "./buildOptions.ts";
export type { IgnorePredicate } from "./walk.ts";

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
  const { state } = options;
  const files = new FileColumns();
  let hasLinks = false;
  walkFiles(
    root,
    {
      ignore: options.ignore,
      within: options.within,
      signal: options.signal,
      onLinkedFolder: (path) => {
        info(options, `'${path}' is a link to a folder: it is left out.`);
      },
      onLinkedFile: () => {
        hasLinks = true;
      },
    },
    (path, relpath, stat) => {
      files.add(path, relpath, stat, state?.lookup(path, stat, name));
    },
  );
  await ingest(files, options);
  const tree = Tree.fromWalk(entriesOf(files));
  if (options.store !== undefined) {
    options.store.addTree(tree);
    options.store.flush();
  }
  return { hash: { name, value: tree.oid }, meta: { size: files.totalSize, nfiles: files.count }, tree, hasLinks };
}

function entriesOf(files: FileColumns): TreeEntry[] {
  const entries = new Array<TreeEntry>(files.count);
  for (let i = 0; i < entries.length; i++)
    entries[i] = { relpath: files.relpaths[i] as string, md5: files.md5(i), size: files.size(i) };
  return entries;
}
