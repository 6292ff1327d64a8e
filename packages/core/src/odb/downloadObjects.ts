import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { removeQuietly, temporaryPath } from "../fs/atomic.ts";
import type { Downloaded, RangeNotes } from "../fs/filesystem.ts";
import { mayGoOnLater } from "../fs/retry.ts";
import { md5Dos2Unix } from "../hash/md5.ts";
import { DIR_SUFFIX, isDirHash } from "../hash/hashInfo.ts";
import type { CopyOutcome } from "./copyObjects.ts";
import { makeObjectFolder } from "./objectFolder.ts";
import { LeftDownload, LeftNotes } from "./leftDownload.ts";
import type { LocalObjects } from "./localObjects.ts";
import { NamesToGive } from "./namesToGive.ts";
import { eachObject } from "./objectFailures.ts";
import { damagedRemoteObject, type RemoteDb } from "./remoteDb.ts";
import type { TransferOptions } from "./transferTypes.ts";
import type { TransferProgress } from "./transferProgress.ts";

/**
 * Fetches objects of the remote into the cache: temporary file, hash checked, flushed to disk, and only then named.
 * What came before an abort or a fatal failure keeps its place. Failures are collected.
 */
export async function downloadObjects(
  cache: LocalObjects,
  remote: RemoteDb,
  oids: Iterable<string>,
  progress: TransferProgress,
  options: TransferOptions,
): Promise<CopyOutcome> {
  const folders = new Set<string>();
  const leftovers = new LeftNotes();
  const names = new NamesToGive();
  try {
    return await eachObject(
      oids,
      options.jobs ?? remote.jobs,
      async (oid) => {
        const to = cache.pathOf(oid);
        const folder = dirname(to);
        if (!folders.has(folder)) {
          makeObjectFolder(folder, cache.dirMode);
          folders.add(folder);
        }
        const size = await downloadOne({ cache, remote, names, leftovers, progress, options }, oid, to);
        names.flushWhenDue();
        return size;
      },
      options.signal,
    );
  } finally {
    await names.finish();
  }
}

/** What all downloads of a run share. */
interface Run {
  readonly cache: LocalObjects;
  readonly remote: RemoteDb;
  readonly names: NamesToGive;
  readonly leftovers: LeftNotes;
  readonly progress: TransferProgress;
  readonly options: TransferOptions;
}

/** `isAnew`: what it was pieced together from is known to be wrong. */
async function downloadOne(run: Run, oid: string, to: string, isAnew = false): Promise<number> {
  const { cache, remote, names, leftovers, progress, options } = run;
  const temporary = temporaryPath(to);
  const left = new LeftDownload(temporary, to, leftovers);
  try {
    const { md5, size, isPieced } = await receive(remote, oid, temporary, left, progress, options);
    const actual = actualOid(cache, oid, md5, temporary);
    if (actual !== oid) {
      // What an earlier try or run left may be at fault: then all of it is fetched anew.
      if (left.tookOver || (isPieced === true && !isAnew)) {
        left.forget();
        removeQuietly(temporary);
        progress.add(0, -size);
        return await downloadOne(run, oid, to, true);
      }
      throw damagedRemoteObject(remote, oid, actual);
    }
    const onNamed = (): void => {
      left.forget();
      cache.noteStored?.(oid, size);
    };
    names.add({ temporary, path: to, size, onNamed });
    progress.add(1, 0);
    return size;
  } catch (error) {
    if (!left.isWorthKeeping || !mayGoOnLater(error, options.signal)) {
      left.forget();
      removeQuietly(temporary);
    }
    throw error;
  }
}

function receive(
  remote: RemoteDb,
  oid: string,
  temporary: OsPath,
  notes: RangeNotes,
  progress: TransferProgress,
  { signal }: TransferOptions,
): Promise<Downloaded> {
  return remote.fs.download(remote.pathOf(oid), temporary, {
    ...(signal === undefined ? {} : { signal }),
    mode: 0o444,
    notes,
    onBytes: (count) => {
      progress.add(0, count);
    },
  });
}

/** An object of DVC 2.x is named after the md5 of its text with line ends normalised, which is not that of its bytes. */
function actualOid(cache: LocalObjects, oid: string, md5: string, file: string): string {
  if (isDirHash(oid)) return md5 + DIR_SUFFIX;
  if (md5 === oid || cache.hashName === "md5") return md5;
  return md5Dos2Unix(file).md5;
}
