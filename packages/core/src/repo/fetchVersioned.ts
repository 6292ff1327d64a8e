import { CorruptObjectError, DvcError, isNotFound } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import { removeQuietly } from "../fs/atomic.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { NamesToGive } from "../odb/namesToGive.ts";
import { isFatal } from "../odb/objectFailures.ts";
import type { TransferResult } from "../odb/transfer.ts";
import { TransferProgress } from "../odb/transferProgress.ts";
import type { StageOutput } from "./dataRoots.ts";
import type { Repo } from "./repo.ts";
import { openVersioned, type VersionedRemote } from "./versionedRemote.ts";
import { type FileVersion, versionedFiles } from "./versionRecords.ts";

/** An output, or the part of it that is wanted. */
export interface VersionedWant extends StageOutput {
  /** Only this file or folder of the output. */
  readonly within: string | undefined;
  /** Only files with these hashes. */
  readonly oids?: ReadonlySet<string>;
}

interface Fetching {
  readonly md5: string;
  readonly path: string;
  readonly version: FileVersion | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

/** Where what becomes of each file is noted. */
interface Sinks {
  readonly names: NamesToGive;
  readonly progress: TransferProgress;
  readonly result: Mutable<TransferResult>;
}

/**
 * Brings the files of outputs from a remote that keeps versions into the cache, each in the version that is recorded (else the
 * newest), checked against its hash before it gets its name; then the manifests of folders.
 * @throws {ConfigError}, {StorageError} when the remote can't be used at all; failures of single files are in the result.
 */
export async function fetchVersioned(
  repo: Repo,
  name: string | undefined,
  wants: readonly VersionedWant[],
  options: CallOptions & { readonly jobs?: number },
): Promise<TransferResult> {
  const remote = await openVersioned(repo, name, options);
  try {
    const wanted = new Map<string, Fetching>();
    for (const want of wants) collect(repo, remote, want, wanted);
    const here = repo.cache.intact(wanted.keys());
    const absent = [...wanted.values()].filter(({ md5 }) => !here.has(md5));
    const progress = new TransferProgress(options.reporter, "Fetching", absent.length);
    const names = new NamesToGive();
    const result: Mutable<TransferResult> = { transferred: 0, bytes: 0, failed: [], missing: [] };
    try {
      await mapBounded(
        absent,
        remote.jobs,
        async (one) => {
          await fetchOne(repo, remote, one, { names, progress, result }, options);
          names.flushWhenDue();
        },
        options.signal,
      );
    } finally {
      progress.end();
      await names.finish();
    }
    for (const { out, oids } of wants) if (out.tree !== undefined && oids === undefined) repo.cache.addTree(out.tree);
    repo.cache.flush();
    return result;
  } finally {
    await remote.fs.close();
  }
}

function collect(repo: Repo, remote: VersionedRemote, want: VersionedWant, wanted: Map<string, Fetching>): void {
  const { out, within, oids } = want;
  if (out.hash === undefined || (isDirHash(out.hash.value) && out.tree === undefined)) return;
  for (const { rel, md5, version } of versionedFiles(repo, out, remote.name) ?? []) {
    if (within !== undefined && rel !== within && !rel.startsWith(`${within}/`)) continue;
    if (oids?.has(md5) === false) continue;
    // Of two places with the same bytes, one whose version is known.
    const known = wanted.get(md5);
    if (known === undefined || (known.version === undefined && version !== undefined))
      wanted.set(md5, { md5, path: remote.pathOf(out, rel), version });
  }
}

async function fetchOne(
  repo: Repo,
  remote: VersionedRemote,
  { md5, path, version }: Fetching,
  { names, progress, result }: Sinks,
  options: CallOptions,
): Promise<void> {
  const temporary = repo.cache.temporaryFor(md5);
  try {
    const got = await remote.fs.download(path, temporary, {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(version === undefined ? {} : { versionId: version.versionId }),
      mode: 0o444,
      onBytes: (count) => {
        progress.add(0, count);
      },
    });
    if (got.md5 === md5) {
      names.add({ temporary, path: repo.cache.pathOf(md5), size: got.size });
      result.transferred++;
      result.bytes += got.size;
      return;
    }
    if (version !== undefined) throw damaged(remote, path, md5, got.md5);
    // The newest version is another one: what is wanted was never sent.
    removeQuietly(temporary);
    result.missing.push(md5);
  } catch (error) {
    removeQuietly(temporary);
    options.signal?.throwIfAborted();
    if (isNotFound(error)) result.missing.push(md5);
    else if (isFatal(error) || !(error instanceof DvcError)) throw error;
    else result.failed.push({ oid: md5, error });
  } finally {
    progress.add(1, 0);
  }
}

function damaged(remote: VersionedRemote, path: string, expected: string, actual: string): CorruptObjectError {
  const url = remote.fs.url(path);
  return new CorruptObjectError(`'${url}' is damaged: its bytes have the hash ${actual}`, {
    path: url,
    expected,
    actual,
  });
}
