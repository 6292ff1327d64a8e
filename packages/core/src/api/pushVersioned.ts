import { statSync } from "node:fs";
import { ConfigError, CorruptObjectError, DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import type { Info } from "../fs/filesystem.ts";
import { isFatal } from "../odb/objectFailures.ts";
import { TransferProgress } from "../odb/transferProgress.ts";
import { saveStages } from "../pipeline/save.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import type { StageOutput } from "../repo/dataRoots.ts";
import type { Repo } from "../repo/repo.ts";
import { shownPath, viewOf } from "../repo/shown.ts";
import type { Transferred } from "../repo/transferReport.ts";
import { openVersioned, type VersionedRemote } from "../repo/versionedRemote.ts";
import { recordVersions, type VersionedFile, versionedFiles } from "../repo/versionRecords.ts";

/** A file on its way, and what is known of it on the remote. */
interface Sending {
  readonly one: StageOutput;
  readonly file: VersionedFile;
  readonly path: string;
}

type Facts = Pick<Info, "etag" | "versionId">;
/** Versions found or made, by output and path within. */
type Versions = Map<Output, Map<string, Facts>>;

/**
 * Sends the files of outputs to a remote that keeps versions, under their own names, and records which version of each it
 * holds in their `.dvc` files and dvc.lock. What a recorded version holds is not sent again (of a worktree: when it is
 * also the newest). What an interrupted run has sent is found there. Records are written for what was sent, also when
 * something else failed.
 * @throws {ConfigError} when the storage keeps no versions, {StorageError} when it can't be used at all
 */
export async function pushVersioned(
  repo: Repo,
  name: string | undefined,
  outs: readonly StageOutput[],
  options: CallOptions & { readonly jobs?: number },
  total: Transferred,
): Promise<void> {
  const remote = await openVersioned(repo, name, options);
  const versions: Versions = new Map();
  try {
    if ((await remote.fs.keepsVersions?.(remote.root, options)) === false) throw noVersions(remote);
    const sending = outs.flatMap((one) => sendingOf(repo, one, remote, options));
    const progress = new TransferProgress(options.reporter, "Pushing", sending.length);
    try {
      await mapBounded(
        sending,
        remote.jobs,
        async (item) => {
          const facts = await settle(repo, remote, item, progress, options, total);
          if (facts !== undefined) noteVersion(versions, item, facts);
        },
        options.signal,
      );
    } finally {
      progress.end();
    }
  } finally {
    await remote.fs.close();
    record(repo, remote.name, outs, versions, options);
  }
}

function sendingOf(repo: Repo, one: StageOutput, remote: VersionedRemote, options: CallOptions): Sending[] {
  const files = versionedFiles(repo, one.out, remote.name);
  if (files === undefined && one.out.hash !== undefined)
    throw new DvcError(`the manifest of '${shownPath(repo, one.out)}' is not in the cache`, { code: "missing-object" });
  options.signal?.throwIfAborted();
  return (files ?? []).map((file) => ({ one, file, path: remote.pathOf(one.out, file.rel) }));
}

/** @returns the version to record; undefined when the record stays as it is, or nothing could be sent. */
async function settle(
  repo: Repo,
  remote: VersionedRemote,
  item: Sending,
  progress: TransferProgress,
  options: CallOptions,
  total: Transferred,
): Promise<Facts | undefined> {
  try {
    if (await isThere(remote, item, options)) return undefined;
    const found = item.file.version === undefined ? await sentBefore(remote, item, options) : undefined;
    if (found !== undefined) return found;
    const sent = await send(repo, remote, item, progress, options);
    if (sent === undefined) return undefined; // in no cache: nothing to send, as for other remotes
    total.count++;
    total.bytes += item.file.size ?? 0;
    return (await isStillRecorded(remote, item, sent, options)) ? undefined : sent;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (isFatal(error) || !(error instanceof DvcError)) throw error;
    total.failed++;
    const text = `failed to transfer '${item.file.md5}' - ${error.message}`;
    options.reporter?.emit({ type: "message", level: "error", text });
    return undefined;
  } finally {
    progress.add(1, 0);
  }
}

/** Whether the recorded version is on the remote; of a worktree, whether the newest has its contents. */
async function isThere(remote: VersionedRemote, { file, path }: Sending, options: CallOptions): Promise<boolean> {
  if (file.version === undefined) return false;
  const { versionId, etag } = file.version;
  if (!remote.isWorktree) return (await remote.fs.stat(path, { ...options, versionId })) !== undefined;
  const newest = await remote.fs.stat(path, options);
  return newest !== undefined && (newest.versionId === versionId || (etag !== undefined && newest.etag === etag));
}

/** Whether the recorded version is as good as the one just sent: as long as it is there, nobody's records need to change. */
async function isStillRecorded(
  remote: VersionedRemote,
  { file: { version }, path }: Sending,
  sent: Facts,
  options: CallOptions,
): Promise<boolean> {
  if (version?.etag === undefined || version.etag !== sent.etag) return false;
  return (await remote.fs.stat(path, { ...options, versionId: version.versionId })) !== undefined;
}

/** What a run that ended before it could record has left: its ETag is the file's md5, where storages have such. */
async function sentBefore(
  remote: VersionedRemote,
  { file, path }: Sending,
  options: CallOptions,
): Promise<Facts | undefined> {
  const newest = await remote.fs.stat(path, options);
  const isSame = newest?.etag?.replaceAll('"', "") === file.md5 && newest.versionId !== undefined;
  return isSame ? newest : undefined;
}

async function send(
  repo: Repo,
  remote: VersionedRemote,
  { one, file, path }: Sending,
  progress: TransferProgress,
  options: CallOptions,
): Promise<Facts | undefined> {
  const source = repo.cache.pathOf(file.md5);
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  let facts: Facts | undefined;
  const write = {
    ...options,
    md5: file.md5,
    onBytes: (count: number) => {
      progress.add(0, count);
    },
    onWritten: (written: Facts) => (facts = written),
  };
  try {
    await remote.fs.write(path, { file: source, size: stat.size }, write);
  } catch (error) {
    // Set aside, so that it is missing from now on and can be fetched again.
    if (error instanceof CorruptObjectError) repo.cache.verify(file.md5);
    throw error;
  }
  // Not every way to write is answered with the version.
  facts = facts?.versionId === undefined ? await remote.fs.stat(path, options) : facts;
  if (facts?.versionId !== undefined && facts.versionId !== "null") return facts;
  throw noVersions(remote, `: '${shownPath(repo, one.out)}' got none`);
}

function noVersions(remote: VersionedRemote, more = ""): ConfigError {
  return new ConfigError(`config file error: remote '${remote.name}' keeps no versions${more}`, {
    hint: "Switch versioning on for the bucket or container, or unset `version_aware` and `worktree`.",
  });
}

function noteVersion(versions: Versions, { one, file }: Sending, facts: Facts): void {
  let own = versions.get(one.out);
  if (own === undefined) versions.set(one.out, (own = new Map<string, Facts>()));
  own.set(file.rel, facts);
}

function record(
  repo: Repo,
  remote: string,
  outs: readonly StageOutput[],
  versions: Versions,
  options: CallOptions,
): void {
  const stages = new Set(outs.filter(({ out }) => versions.has(out)).map(({ stage }) => stage));
  const recorded = [...stages].map((stage: Stage) => ({
    ...stage,
    outs: stage.outs.map((out) => {
      const own = versions.get(out);
      return own === undefined ? out : recordVersions(repo, out, remote, own);
    }),
  }));
  saveStages(recorded, { ...viewOf(repo, options), keepMd5: true });
}
