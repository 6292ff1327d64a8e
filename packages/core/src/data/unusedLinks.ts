import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OsPath, RelPath } from "../base/paths.ts";
import { posixRelative } from "../base/paths.ts";
import { withHeldFolders } from "../fs/heldFolders.ts";
import { isDirHash, isOid } from "../hash/hashInfo.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import type { State } from "../odb/state.ts";
import { hashFound } from "./hashFound.ts";
import type { Stamp } from "./plan.ts";
import { guardPath } from "./planGuard.ts";
import { scanWorkspace } from "./planScan.ts";
import { removeFile, removeFolder } from "./swap.ts";
import type { IgnorePredicate } from "./walk.ts";

/** What a path holds, file by file, so that all of it can go. */
interface Contents {
  readonly files: readonly { readonly path: OsPath; readonly old: Stamp }[];
  /** Deepest first. */
  readonly folders: readonly OsPath[];
}

/** Notes that `path` now holds what `oid` names, so that it can be told apart when no stage lists it any more. */
export function recordLink(root: OsPath, path: OsPath, oid: string, state: State): void {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat !== undefined) state.links.set(posixRelative(root, path), { ino: String(stat.ino), token: oid });
}

/** Options for {@link removeUnusedLinks}. */
export interface UnusedLinkOptions {
  readonly ignore?: IgnorePredicate | undefined;
  /** Hears of each path before it goes, with the hash of what it holds. */
  readonly removing?: (path: OsPath, oid: string) => void;
  /** Takes what no cache can bring back out of the workspace; without it such a path stays. */
  readonly keep?: ((path: OsPath) => void) | undefined;
}

/**
 * Removes files and folders that a checkout once put into the workspace, that no stage lists any more (`used`: the paths of
 * all outputs), and that are unchanged: the same inode, the same content, every file of it in one of the caches. Anything
 * else stays. Nothing that lies inside a listed output, or holds one, is touched.
 * @returns what was removed, absolute; folders end in "/".
 */
export function removeUnusedLinks(
  root: OsPath,
  used: readonly OsPath[],
  state: State,
  caches: readonly ObjectDb[],
  options: UnusedLinkOptions = {},
): OsPath[] {
  const removed: OsPath[] = [];
  const isListed = near(used);
  withHeldFolders(root, (held) => {
    for (const [rel, { ino, token }] of state.links.all()) {
      const path = join(root, rel);
      if (!isOid(token) || isListed(path)) continue;
      const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) state.links.delete(rel);
      if (stat === undefined || String(stat.ino) !== ino) continue;
      const unchanged = (isStored: boolean): Contents | undefined =>
        unchangedContents(root, path, token, { state, caches, ignore: options.ignore, isStored });
      const contents = unchanged(true);
      if (contents !== undefined) {
        options.removing?.(path, token);
        for (const { path: file, old } of contents.files) removeFile(file, old, held);
        for (const folder of contents.folders) removeFolder(folder, held);
      } else if (options.keep !== undefined && unchanged(false) !== undefined) options.keep(path);
      else continue;
      state.links.delete(rel);
      removed.push(isDirHash(token) ? `${path}/` : path);
    }
  });
  return removed;
}

/** Tells of a path whether it is one of `paths`, or lies inside one, or holds one. */
function near(paths: readonly OsPath[]): (path: OsPath) => boolean {
  const listed = new Set(paths);
  const holders = new Set<OsPath>();
  for (const path of paths) for (let at = dirname(path); !holders.has(at); at = dirname(at)) holders.add(at);
  return (path) => {
    if (holders.has(path)) return true;
    for (let at = path; ; at = dirname(at)) {
      if (listed.has(at)) return true;
      if (at === dirname(at)) return false;
    }
  };
}

interface Search {
  readonly state: State;
  readonly caches: readonly ObjectDb[];
  readonly ignore: IgnorePredicate | undefined;
  /** Only what one cache can bring back. */
  readonly isStored: boolean;
}

function unchangedContents(root: OsPath, path: OsPath, token: string, search: Search): Contents | undefined {
  try {
    guardPath(root, path);
    for (const cache of search.caches) {
      const contents = contentsIn(cache, path, token, search);
      if (contents !== undefined) return contents;
    }
  } catch {
    // A path that may not be written, a manifest that is none: not ours to judge, so it stays.
  }
  return undefined;
}

/** What lies at `path`, if that is exactly what `token` names (and this cache can bring all of it back). */
function contentsIn(
  cache: ObjectDb,
  path: OsPath,
  token: string,
  { state, ignore, isStored }: Search,
): Contents | undefined {
  const wants = wantsOf(cache, token);
  if (wants === undefined) return undefined;
  const isFolder = isDirHash(token);
  const scan = scanWorkspace(path, { wants, within: undefined, isFolder, ignore, signal: undefined });
  const files: { path: OsPath; old: Stamp }[] = [];
  for (const found of scan.files) {
    const oid = wants.get(found.rel);
    if (oid === undefined || hashFound(found, cache, state) !== oid) return undefined;
    if (isStored && !cache.verify(oid)) return undefined;
    files.push({ path: found.path, old: found.stat });
  }
  if (files.length !== wants.size || scan.extraFolders.length > 0 || scan.inTheWay.length > 0) return undefined;
  const folders = [...scan.folders].reverse().map((rel) => (rel === "." ? path : join(path, rel)));
  return { files, folders };
}

function wantsOf(cache: ObjectDb, token: string): Map<RelPath, string> | undefined {
  if (!isDirHash(token)) return new Map([[".", token]]);
  const tree = cache.readTree(token);
  return tree === undefined ? undefined : new Map(tree.entries.map((entry) => [entry.relpath, entry.md5]));
}
