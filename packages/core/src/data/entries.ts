import { isDirHash } from "../hash/hashInfo.ts";
import { compareCodePoints } from "../base/codePoints.ts";
import type { RelPath } from "../base/paths.ts";
import type { Tree } from "../odb/tree.ts";

/** One tracked root (an output) as recorded somewhere or as found in the workspace. Its key is a path from the repository's root. */
export interface DataRoot {
  readonly key: RelPath;
  readonly isDir: boolean;
  /** Undefined when nothing is recorded, or nothing is there. */
  readonly hash: string | undefined;
  /** The files of a folder; undefined for a file, or when the manifest cannot be had. */
  readonly tree: (() => Tree | undefined) | undefined;
}

/** A file or folder in a list of differences. Folders end in "/". */
export interface DataItem {
  readonly path: string;
  readonly hash: string | undefined;
}

/** An item of another content. `oldPath` ends in "/" when the old one was a folder, `path` when the new one is. */
export interface ModifiedItem {
  readonly path: string;
  readonly oldPath: string;
  readonly old: string | undefined;
  readonly new: string | undefined;
}

/** How two states differ. Lists are in no order. */
export interface DataDiff {
  readonly added: DataItem[];
  readonly deleted: DataItem[];
  readonly modified: ModifiedItem[];
  readonly renamed: { readonly old: string; readonly new: string; readonly hash: string }[];
  /** Could not be compared: a manifest is missing. */
  readonly unknown: DataItem[];
  readonly unchanged: DataItem[];
}

/** `granular`: look into folders. `unchanged`: list what is equal too. `renames`: pair equal hashes of added and deleted. */
export interface DiffOptions {
  readonly granular: boolean;
  readonly unchanged: boolean;
  readonly renames: boolean;
  /** A root counts when it is in the list, its hash known or not: one that was never made is none else. */
  readonly unrecorded?: boolean;
  /** Keep only these paths (and what lies below). */
  readonly only?: (path: RelPath) => boolean;
}

/** Compares two sets of roots by hash. A folder whose hash is equal on both sides is not looked into unless `unchanged`. */
export function diffRoots(
  old: ReadonlyMap<RelPath, DataRoot>,
  now: ReadonlyMap<RelPath, DataRoot>,
  options: DiffOptions,
): DataDiff {
  const diff: DataDiff = { added: [], deleted: [], modified: [], renamed: [], unknown: [], unchanged: [] };
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    diffRoot(key, old.get(key), now.get(key), options, diff);
  }
  if (options.renames) pairRenames(diff);
  return diff;
}

function shown(key: RelPath, root: DataRoot | undefined): string {
  return root?.isDir === true ? `${key}/` : key;
}

function diffRoot(
  key: RelPath,
  old: DataRoot | undefined,
  now: DataRoot | undefined,
  options: DiffOptions,
  diff: DataDiff,
): void {
  const before = old?.hash;
  const after = now?.hash;
  if (options.only?.(key) ?? true) {
    const path = shown(key, now ?? old);
    if (options.unrecorded === true) diffEntry(old, now, options, diff);
    else if (before === undefined && after !== undefined) diff.added.push({ path, hash: after });
    else if (before !== undefined && after === undefined) diff.deleted.push({ path: shown(key, old), hash: before });
    else if (before !== undefined && after !== undefined) {
      if (before !== after) diff.modified.push({ path, oldPath: shown(key, old), old: before, new: after });
      else if (options.unchanged) diff.unchanged.push({ path, hash: after });
    }
  }
  if (!options.granular) return;
  if (old?.isDir !== true && now?.isDir !== true) return;
  if (before === after && before !== undefined && !options.unchanged) return;
  diffFiles(key, old, now, options, diff);
}

/** Folders of unknown content are left out. */
function diffEntry(old: DataRoot | undefined, now: DataRoot | undefined, options: DiffOptions, diff: DataDiff): void {
  if ([old, now].some((root) => root?.isDir === true && root.hash === undefined)) return;
  const item = (root: DataRoot): DataItem => ({ path: shown(root.key, root), hash: root.hash });
  if (old === undefined && now !== undefined) diff.added.push(item(now));
  else if (old !== undefined && now === undefined) diff.deleted.push(item(old));
  else if (old !== undefined && now !== undefined) {
    const { path, hash } = item(now);
    if (old.hash !== hash) diff.modified.push({ path, oldPath: item(old).path, old: old.hash, new: hash });
    else if (options.unchanged) diff.unchanged.push({ path, hash });
  }
}

function diffFiles(
  key: RelPath,
  old: DataRoot | undefined,
  now: DataRoot | undefined,
  options: DiffOptions,
  diff: DataDiff,
): void {
  const before = filesOf(old);
  const after = filesOf(now);
  const unknown = before === undefined || after === undefined;
  const wanted = (path: RelPath): boolean => options.only?.(path) ?? true;
  const recorded = (before ?? [])[Symbol.iterator]();
  const nextRecorded = (): FileEntry | undefined => {
    const step: IteratorResult<FileEntry, unknown> = recorded.next();
    return step.done === true ? undefined : step.value;
  };
  const seen = new Set<RelPath>();
  // A folder that is gone and whose manifest is missing: DVC leaves unknown entries of the old side out.
  const dropped = (entry: FileEntry): void => {
    const path = `${key}/${entry.relpath}`;
    if (!unknown && wanted(path)) diff.deleted.push({ path, hash: entry.md5 });
  };
  // Both lists are in the order of code points: they are gone through side by side.
  let next = nextRecorded();
  for (const entry of after ?? []) {
    while (next !== undefined && next.relpath !== entry.relpath && compareCodePoints(next.relpath, entry.relpath) < 0) {
      dropped(next);
      next = nextRecorded();
    }
    const was = next?.relpath === entry.relpath ? next : undefined;
    if (was !== undefined) next = nextRecorded();
    if (was?.md5 === entry.md5 && !unknown && !options.unchanged) continue;
    const path = `${key}/${entry.relpath}`;
    if (!wanted(path)) continue;
    if (unknown) {
      diff.unknown.push(...newFolders(key, entry.relpath, seen).filter((item) => wanted(item.path)));
      diff.unknown.push({ path, hash: entry.md5 });
    } else if (was === undefined) diff.added.push({ path, hash: entry.md5 });
    else if (was.md5 !== entry.md5) diff.modified.push({ path, oldPath: path, old: was.md5, new: entry.md5 });
    else diff.unchanged.push({ path, hash: was.md5 });
  }
  for (; next !== undefined; next = nextRecorded()) dropped(next);
}

/** The folders on the way to a file of a root that are not in `seen` yet, which they join. DVC names them where a manifest is missing. */
function newFolders(key: RelPath, relpath: RelPath, seen: Set<RelPath>): DataItem[] {
  const found: DataItem[] = [];
  for (let end = relpath.indexOf("/"); end >= 0; end = relpath.indexOf("/", end + 1)) {
    const folder = relpath.slice(0, end + 1);
    if (seen.has(folder)) continue;
    seen.add(folder);
    found.push({ path: `${key}/${folder}`, hash: undefined });
  }
  return found;
}

interface FileEntry {
  readonly relpath: string;
  readonly md5: string;
}

/** In the order of code points. */
function filesOf(root: DataRoot | undefined): Iterable<FileEntry> | undefined {
  if (root?.hash === undefined || !root.isDir) return [];
  return root.tree?.();
}

function pairRenames(diff: DataDiff): void {
  const byPath = (a: DataItem, b: DataItem): number => (a.path < b.path ? -1 : 1);
  const deleted = new Map<string, DataItem[]>();
  for (const item of [...diff.deleted].sort(byPath)) {
    if (item.hash === undefined) continue;
    const queue = deleted.get(item.hash);
    if (queue === undefined) deleted.set(item.hash, [item]);
    else queue.push(item);
  }
  if (deleted.size === 0) return;
  const paired = new Set<DataItem>();
  for (const item of [...diff.added].sort(byPath)) {
    const from = item.hash === undefined ? undefined : deleted.get(item.hash)?.shift();
    if (from === undefined || item.hash === undefined) continue;
    diff.renamed.push({ old: from.path, new: item.path, hash: item.hash });
    paired.add(item).add(from);
  }
  keep(diff.added, (item) => !paired.has(item));
  keep(diff.deleted, (item) => !paired.has(item));
}

function keep<T>(list: T[], wanted: (item: T) => boolean): void {
  let length = 0;
  for (const item of list) if (wanted(item)) list[length++] = item;
  list.length = length;
}

/** Whether a recorded hash (or the absence of one) speaks of a folder. */
export function isDirRecord(hash: string | undefined, nfiles: number | undefined): boolean {
  return hash === undefined ? nfiles !== undefined : isDirHash(hash);
}
