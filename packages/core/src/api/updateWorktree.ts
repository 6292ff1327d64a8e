import { DvcError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { checkManifestPath } from "../base/paths.ts";
import { mapBounded } from "../base/pool.ts";
import { storeDownload, storeFolder } from "../data/storeBrought.ts";
import { isRecord } from "../formats/pyValues.ts";
import type { Info } from "../fs/filesystem.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { saveStage } from "../pipeline/save.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import type { GitContext } from "../repo/gitContext.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import type { Repo } from "../repo/repo.ts";
import { shownLocal, shownPath, viewOf } from "../repo/shown.ts";
import { openVersioned, type VersionedRemote } from "../repo/versionedRemote.ts";
import { recordVersions, type VersionedFile, versionedFiles } from "../repo/versionRecords.ts";
import { placeBuilt } from "./importPlace.ts";

/** A file as it is to be recorded. */
type Entry = Readonly<Record<string, unknown>>;

/**
 * Brings outputs up to date with what others left on a worktree remote: files that are newer there, new ones, and those that
 * are gone there. What was never pushed stays. Everything is in the cache before the workspace changes.
 * @returns whether anything changed
 * @throws {DvcError} DVC's text for an output whose remote is no worktree
 */
export async function updateFromWorktree(
  repo: Repo,
  stage: Stage,
  context: GitContext,
  options: CallOptions,
): Promise<boolean> {
  const outs: Output[] = [];
  for (const out of stage.outs) {
    const isUsed = out.useCache && out.isLocal && out.canPush && out.hash !== undefined;
    outs.push(isUsed ? await updateOutput(repo, stage, out, options) : out);
  }
  if (outs.every((out, index) => out === stage.outs[index])) return false;
  for (const file of saveStage({ ...stage, outs }, { ...viewOf(repo, options), keepMd5: true })) context.track(file);
  return true;
}

async function updateOutput(repo: Repo, stage: Stage, out: Output, options: CallOptions): Promise<Output> {
  const name = out.remote ?? recordedRemote(out);
  if (name === undefined) {
    warn(options, `Could not update '${shownPath(repo, out)}', it was never pushed to a remote`);
    return out;
  }
  checkOutputPath(repo, stage, out);
  const remote = await openVersioned(repo, name, options);
  try {
    if (!remote.isWorktree)
      throw new DvcError(`update is not supported for '${shownLocal(repo, stage.file)}' that is not an import.`);
    const known = versionedFiles(repo, out, remote.name) ?? [];
    return isDirHash(out.hash?.value ?? "")
      ? await updateFolder(repo, remote, out, known, options)
      : await updateFile(repo, remote, out, known[0], options);
  } finally {
    await remote.fs.close();
  }
}

/** The remote that versions are recorded for; entries of `update` name none, their neighbours do. */
function recordedRemote(out: Output): string | undefined {
  const files = Array.isArray(out.extra["files"]) ? (out.extra["files"] as Entry[]) : [];
  for (const cloud of [out.extra["cloud"], ...files.map((entry) => entry["cloud"])]) {
    const [name] = isRecord(cloud) ? Object.keys(cloud) : [];
    if (name !== undefined) return name;
  }
  return undefined;
}

async function updateFile(
  repo: Repo,
  remote: VersionedRemote,
  out: Output,
  known: VersionedFile | undefined,
  options: CallOptions,
): Promise<Output> {
  const path = remote.pathOf(out, ".");
  const newest = await remote.fs.stat(path, options);
  if (newest?.type !== "file") return notThere(repo, out, options);
  if (isSame(known, newest)) return out;
  const { md5, size } = await fetchNewest(repo, remote, path, newest, options);
  const { versionId: _versionId, etag: _etag, ...meta } = out.meta;
  const next = { ...out, hash: { name: "md5", value: md5 }, hashName: "md5", meta: { ...meta, size } } as const;
  repo.cache.flush();
  await placeBuilt(repo, next, { hash: next.hash, meta: next.meta, hasLinks: false }, options);
  return recordVersions(repo, next, remote.name, new Map([[".", newest]]));
}

async function updateFolder(
  repo: Repo,
  remote: VersionedRemote,
  out: Output,
  known: readonly VersionedFile[],
  options: CallOptions,
): Promise<Output> {
  const base = remote.pathOf(out, ".");
  const newest = new Map<string, Info>();
  for await (const info of remote.fs.list(base, options)) {
    const rel = info.path.slice(base.length + 1);
    if (info.type !== "file" || rel === "" || rel.endsWith("/")) continue;
    checkManifestPath(rel, remote.fs.url(base));
    newest.set(rel, info);
  }
  if (newest.size === 0) return notThere(repo, out, options);
  const old = new Map(known.map((file) => [file.rel, file]));
  // What was never pushed is not gone there.
  const kept = known.filter(({ rel, version }) => version === undefined && !newest.has(rel));
  const changed = [...newest].filter(([rel, info]) => !isSame(old.get(rel), info));
  const gone = known.some(({ rel, version }) => version !== undefined && !newest.has(rel));
  if (changed.length === 0 && !gone) return out;
  const fresh = new Map<string, Entry>();
  try {
    await mapBounded(
      changed,
      remote.jobs,
      async ([rel]) => {
        const path = remote.pathOf(out, rel);
        const info = await remote.fs.stat(path, options);
        if (info === undefined) return; // gone since
        const { md5, size } = await fetchNewest(repo, remote, path, info, options);
        fresh.set(rel, { relpath: rel, md5, size, version_id: info.versionId, etag: info.etag });
      },
      options.signal,
    );
  } finally {
    repo.cache.flush();
  }
  const files = [
    ...fresh.values(),
    ...entriesOf(out).filter(({ relpath }) => newest.has(String(relpath)) && !fresh.has(String(relpath))),
    ...entriesOf(out).filter(({ relpath }) => kept.some(({ rel }) => rel === relpath)),
  ];
  return placeFolder(repo, out, files, options);
}

async function placeFolder(repo: Repo, out: Output, files: readonly Entry[], options: CallOptions): Promise<Output> {
  const byPath = new Map(files.map((entry) => [String(entry["relpath"]), entry]));
  const built = storeFolder(
    repo.cache,
    files.map(({ relpath, md5, size }) => ({ relpath: String(relpath), md5: String(md5), size: Number(size) })),
  );
  const { hash, meta, tree } = built;
  const listed = tree.entries.map(({ relpath }) => byPath.get(relpath));
  const next = { ...out, hash, hashName: "md5", meta, extra: { ...out.extra, files: listed }, tree } as const;
  await placeBuilt(repo, next, built, options);
  return next;
}

function entriesOf(out: Output): Entry[] {
  if (Array.isArray(out.extra["files"])) return out.extra["files"] as Entry[];
  return (out.tree?.entries ?? []).map(({ relpath, md5, size }) => ({ relpath, md5, size }));
}

function notThere(repo: Repo, out: Output, options: CallOptions): Output {
  warn(options, `Could not update '${shownPath(repo, out)}', it does not exist in the remote`);
  return out;
}

/** Whether the newest version has the contents that are recorded. */
function isSame(known: VersionedFile | undefined, newest: Info): boolean {
  return known?.version?.etag !== undefined && known.version.etag === newest.etag;
}

async function fetchNewest(
  repo: Repo,
  remote: VersionedRemote,
  path: string,
  { versionId, size }: Info,
  options: CallOptions,
): Promise<{ md5: string; size: number }> {
  const version = versionId === undefined ? {} : { versionId };
  return storeDownload(repo.cache, (to) => remote.fs.download(path, to, { ...options, ...version, size, mode: 0o444 }));
}
