import { CorruptObjectError, DvcError, StorageError } from "../base/errors.ts";
import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { isOid } from "../hash/hashInfo.ts";
import { isLocalPathFileSystem } from "../fs/filesystem.ts";
import { type CopyJob, copyObjects, type CopyOutcome, doneOf } from "./copyObjects.ts";
import { copyMany, WORTH_THREADS } from "./copyMany.ts";
import { DistinctOids } from "./distinctOids.ts";
import { downloadObjects } from "./downloadObjects.ts";
import type { LocalObjects } from "./localObjects.ts";
import { OidColumn, type OidList } from "./oidColumn.ts";
import { type FetchedManifests, fetchManifests, readManifests } from "./readManifests.ts";
import type { RemoteDb } from "./remoteDb.ts";
import { TransferProgress } from "./transferProgress.ts";
import type { TransferFailure, TransferOptions, TransferResult, TransferSet } from "./transferTypes.ts";
import type { Tree } from "./tree.ts";
import { uploadObjects } from "./uploadObjects.ts";

export type { LocalObjects } from "./localObjects.ts";
export type { TransferOptions, TransferResult, TransferSet } from "./transferTypes.ts";

/**
 * Copies what the remote lacks from the cache to it. All files go first; a folder's manifest follows only when every file
 * that it names is on the remote, whether it went now or was there. Nothing is inferred from a manifest that is there:
 * its files are looked for as well.
 * @throws {StorageError} when the remote cannot be used at all; failures of single objects are in the result.
 */
export async function upload(
  cache: LocalObjects,
  remote: RemoteDb,
  want: TransferSet,
  options: TransferOptions = {},
): Promise<TransferResult> {
  const manifests = await readManifests(cache, remote, want.dirs, options);
  const files = new Set(want.files);
  if (want.onlyListed !== true) addChildren(files, manifests.children.values());
  // With `onlyListed`, the other children are only asked about, to know whether the manifest may go.
  const asked = new Set(files);
  addChildren(asked, manifests.children.values());
  const onRemote = await remote.exists([...asked, ...want.dirs], options);

  const absent = [...files].filter((oid) => !onRemote.has(oid));
  const inCache = cache.exists(absent);
  const missing = new Set(absent.filter((oid) => !inCache.has(oid)));
  const newDirs = [...want.dirs].filter((oid) => !onRemote.has(oid));
  for (const oid of newDirs) if (!manifests.children.has(oid) && !manifests.failed.has(oid)) missing.add(oid);

  const progress = new TransferProgress(options.reporter, "Pushing", inCache.size + newDirs.length);
  try {
    const sent = await send(cache, remote, OidColumn.of(inCache, inCache.size), progress, options);
    for (const oid of doneOf(inCache, sent)) onRemote.add(oid);
    for (const oid of sent.missing) missing.add(oid);
    const complete = newDirs.filter(
      (oid) => manifests.children.get(oid)?.every((child) => onRemote.has(child)) === true,
    );
    const sentDirs = await send(cache, remote, complete, progress, options);
    const failed = [
      ...failures(manifests.failed),
      ...sent.failed,
      ...sentDirs.failed,
      ...incompleteDirs(newDirs, manifests.children, [...sent.failed, ...sentDirs.failed]),
    ];
    return {
      transferred: sent.count + sentDirs.count,
      bytes: sent.bytes + sentDirs.bytes,
      failed,
      missing: [...missing],
    };
  } finally {
    progress.end();
  }
}

/**
 * Copies what the cache lacks from the remote to it: manifests first, each checked for its hash and its paths, then the
 * files. Every object is verified against its hash before it gets its name; a damaged one is reported and not kept.
 * @throws {StorageError} when the remote cannot be used at all; failures of single objects are in the result.
 */
export async function fetch(
  cache: LocalObjects,
  remote: RemoteDb,
  want: TransferSet,
  options: TransferOptions = {},
): Promise<TransferResult> {
  const { dirs, absent } = await fetchLists(cache, remote, want, options);
  const progress = new TransferProgress(options.reporter, "Fetching", dirs.done.length + absent.length);
  progress.add(dirs.done.length, dirs.bytes);
  try {
    const got = await receive(cache, remote, absent, progress, options);
    return {
      transferred: dirs.done.length + got.count,
      bytes: dirs.bytes + got.bytes,
      failed: [...failures(dirs.failed), ...got.failed],
      missing: [...dirs.missing, ...got.missing],
    };
  } finally {
    progress.end();
  }
}

/** Manifests, and the files that are wanted and lacking then. What is needed to find that out is let go of. */
async function fetchLists(
  cache: LocalObjects,
  remote: RemoteDb,
  want: TransferSet,
  options: TransferOptions,
): Promise<{ readonly dirs: FetchedManifests; readonly absent: OidColumn }> {
  const files = new DistinctOids();
  files.add(want.files);
  const onTree = (tree: Tree): void => {
    if (want.onlyListed !== true) files.add(tree.md5s());
  };
  const dirs = await fetchManifests(cache, remote, want.dirs, onTree, options);
  const { column } = files;
  return { dirs, absent: OidColumn.of(cache.lacking(column), column.length) };
}

async function send(
  cache: LocalObjects,
  remote: RemoteDb,
  oids: OidList,
  progress: TransferProgress,
  options: TransferOptions,
): Promise<CopyOutcome> {
  const outcome = await sendAll(cache, remote, oids, progress, options);
  // A damaged object of the cache is set aside, so that it is missing from now on and can be fetched again. One that is
  // sound on the second look was only being changed, or read wrongly: it goes after all.
  const isSound = ({ oid, error }: TransferFailure): boolean =>
    error instanceof CorruptObjectError && cache.verify(oid);
  const sound = new Set(outcome.failed.filter(isSound).map((one) => one.oid));
  if (sound.size === 0) return outcome;
  const again = await sendAll(cache, remote, [...sound], progress, options);
  return {
    count: outcome.count + again.count,
    bytes: outcome.bytes + again.bytes,
    missing: outcome.missing.concat(again.missing),
    failed: outcome.failed.filter((one) => !sound.has(one.oid)).concat(again.failed),
  };
}

async function sendAll(
  cache: LocalObjects,
  remote: RemoteDb,
  oids: OidList,
  progress: TransferProgress,
  options: TransferOptions,
): Promise<CopyOutcome> {
  const { fs } = remote;
  if (!isLocalPathFileSystem(fs)) return uploadObjects(cache, remote, oids, progress, options);
  const copy = {
    oids,
    from: folderOf(cache),
    to: fs.localPath(remote.root),
    verify: cache.hashName === "md5",
    follows: true,
  };
  return copyDurably(copy, progress, options);
}

async function receive(
  cache: LocalObjects,
  remote: RemoteDb,
  oids: OidColumn,
  progress: TransferProgress,
  options: TransferOptions,
): Promise<CopyOutcome> {
  const { fs } = remote;
  if (oids.length > 0 && isLocalPathFileSystem(fs)) {
    const { dirMode } = cache;
    const copy = {
      oids,
      from: fs.localPath(remote.root),
      to: folderOf(cache),
      verify: cache.hashName === "md5",
      dirMode,
    };
    const outcome = await copyDurably(copy, progress, options);
    if (copy.verify) cache.noteFresh?.(doneOf(oids, outcome));
    return outcome;
  }
  const outcome = await downloadObjects(cache, remote, oids, progress, options);
  // Each was hashed while it came.
  if (cache.hashName === "md5") cache.noteFresh?.(doneOf(oids, outcome));
  return outcome;
}

/** Objects to copy between two folders of 256 folders on this machine. */
interface LocalCopy {
  readonly oids: OidList;
  readonly from: OsPath;
  readonly to: OsPath;
  /** Whether an object's name is the md5 of its bytes. */
  readonly verify: boolean;
  readonly dirMode?: number | undefined;
  /** Whether links in `to` are followed. */
  readonly follows?: boolean;
}

/** The folder of the 256 folders. */
function folderOf(cache: LocalObjects): OsPath {
  return dirname(dirname(cache.pathOf("0".repeat(32))));
}

async function copyDurably(
  copy: LocalCopy,
  progress: TransferProgress,
  options: TransferOptions,
): Promise<CopyOutcome> {
  const { oids } = copy;
  const { signal } = options;
  const onObjects = (count: number, bytes: number): void => {
    progress.add(count, bytes);
  };
  const many =
    copy.verify && oids instanceof OidColumn && oids.length >= WORTH_THREADS
      ? await copyMany({ ...copy, oids, dirMode: copy.dirMode, signal, onObjects })
      : undefined;
  if (many === undefined) return copyEach(copy, oids, progress, options);
  const { copied, left } = many;
  const careful = await copyEach(copy, left, progress, options);
  return {
    count: copied.count + careful.count,
    bytes: copied.bytes + careful.bytes,
    missing: careful.missing,
    failed: careful.failed,
  };
}

async function copyEach(
  copy: LocalCopy,
  oids: Iterable<string>,
  progress: TransferProgress,
  options: TransferOptions,
): Promise<CopyOutcome> {
  return copyObjects(jobsOf(copy, oids), {
    verify: copy.verify,
    dirMode: copy.dirMode,
    follows: copy.follows,
    signal: options.signal,
    onObject: (_oid, bytes) => {
      progress.add(1, bytes);
    },
  });
}

function* jobsOf({ from, to }: LocalCopy, oids: Iterable<string>): Iterable<CopyJob> {
  for (const oid of oids) yield { oid, from: pathIn(from, oid), to: pathIn(to, oid) };
}

function pathIn(folder: OsPath, oid: string): OsPath {
  if (!isOid(oid)) throw new DvcError(`'${oid}' is not a valid object id`, { code: "corrupt-object" });
  return `${folder}/${oid.slice(0, 2)}/${oid.slice(2)}`;
}

/** A manifest whose files failed stays behind, and says so. One with a missing file stays behind as DVC's does: silently. */
function incompleteDirs(
  dirs: readonly string[],
  children: ReadonlyMap<string, readonly string[]>,
  failed: readonly TransferFailure[],
): TransferFailure[] {
  const bad = new Set(failed.map((one) => one.oid));
  if (bad.size === 0) return [];
  return dirs
    .filter((oid) => !bad.has(oid) && children.get(oid)?.some((child) => bad.has(child)) === true)
    .map((oid) => ({
      oid,
      error: new StorageError(`failed to upload full contents of '${oid}', aborting .dir file upload`, {
        protocol: "",
        path: oid,
      }),
    }));
}

function addChildren(files: Set<string>, lists: Iterable<readonly string[]>): void {
  for (const list of lists) for (const oid of list) files.add(oid);
}

function failures(failed: ReadonlyMap<string, Error>): TransferFailure[] {
  return [...failed].map(([oid, error]) => ({ oid, error }));
}
