import type { OsPath, RelPath } from "../base/paths.ts";
import { newMd5 } from "../hash/md5.ts";
import { isYoung } from "../odb/state.ts";
import { FileColumns, STAT_FIELDS } from "./fileColumns.ts";
import { type IgnorePredicate, walkFiles } from "./walk.ts";

/** A folder's files with their conditions, and its folders: all that can change in it without a look at the bytes. */
export interface FolderLook {
  readonly files: FileColumns;
  readonly folders: readonly RelPath[];
  /** Whether some file is a symlink or has several names. */
  readonly hasLinks: boolean;
}

/** How to look. */
export interface LookOptions {
  readonly ignore?: IgnorePredicate | undefined;
  readonly within?: RelPath | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onLinkedFolder?: ((path: OsPath) => void) | undefined;
}

/** Stats everything in a folder. @throws as {@link walkFiles} */
export function lookAtFolder(root: OsPath, options: LookOptions): FolderLook {
  const files = new FileColumns();
  const folders: RelPath[] = [];
  let hasLinks = false;
  const walk = {
    ...options,
    onFolder: (rel: RelPath): void => {
      folders.push(rel);
    },
    onLinkedFile: (): void => {
      hasLinks = true;
    },
  };
  walkFiles(root, walk, (path, relpath, stat) => {
    files.add(path, relpath, stat, undefined);
  });
  return { files, folders, hasLinks };
}

/** Equal for two looks at a folder exactly when no name, inode, size or time in it differs. */
export function fingerprintOf(look: FolderLook): string {
  const { files, folders } = look;
  const stats = files.stats;
  return newMd5()
    .update(`${files.relpaths.join("\0")}\0\0${folders.join("\0")}`)
    .update(new Uint8Array(stats.buffer, stats.byteOffset, files.count * STAT_FIELDS * 8))
    .digest("hex");
}

/** Whether every file is old enough that an edit since the look would show in its times. */
export function isSettled(look: FolderLook): boolean {
  const { files } = look;
  let ctimeNs = 0n;
  for (let at = 4; at < files.count * STAT_FIELDS; at += STAT_FIELDS) {
    const changed = files.stats[at] as bigint;
    if (changed > ctimeNs) ctimeNs = changed;
  }
  return files.count === 0 || !isYoung({ ctimeNs }, files.asOf);
}
