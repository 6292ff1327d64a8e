import { rmSync } from "node:fs";
import { isNotFound } from "../base/errors.ts";
import { mapBounded } from "../base/pool.ts";
import type { OsPath } from "../base/paths.ts";
import { isLocalPathFileSystem } from "../fs/filesystem.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { md5Bytes, md5Dos2Unix, newMd5 } from "../hash/md5.ts";
import type { BadObject, CheckOptions, StoreCheck } from "./checkTypes.ts";
import { checkLocal, checkLocalObjects, manifestBytesProblem } from "./localCheck.ts";
import { ObjectDb } from "./objectDb.ts";
import { isFatal } from "./objectFailures.ts";
import type { RemoteDb, RemoteObject } from "./remoteDb.ts";
import { TransferProgress } from "./transferProgress.ts";

/** Objects up to this size are read whole (bytes). */
const SMALL = 4 << 20;
/** Objects between two points that a later run can continue from. */
const POINT_EVERY = 500;

/** How to check a remote. `temporary` names a new file for objects that have to lie on a disk to be hashed. */
export interface RemoteCheckOptions extends CheckOptions {
  readonly temporary: () => OsPath;
}

/**
 * Hashes every object of a remote and reads every manifest. Changes nothing.
 * @throws {StorageError} when it cannot be listed at all, the signal's reason.
 */
export async function checkRemote(remote: RemoteDb, options: RemoteCheckOptions): Promise<StoreCheck> {
  if (isLocalPathFileSystem(remote.fs)) return checkLocal(folderOf(remote, remote.fs.localPath(remote.root)), options);
  const objects: RemoteObject[] = [];
  for await (const object of remote.all(options)) {
    options.onName?.(object.oid);
    objects.push(object);
  }
  objects.sort((a, b) => (a.oid < b.oid ? -1 : 1));
  return checkSorted(remote, objects, options);
}

/**
 * Hashes these objects of a remote. Those that it does not have are in `missing`.
 * @throws as {@link checkRemote}
 */
export async function checkObjects(
  remote: RemoteDb,
  oids: Iterable<string>,
  options: RemoteCheckOptions,
): Promise<StoreCheck & { readonly missing: readonly string[] }> {
  if (isLocalPathFileSystem(remote.fs))
    return checkLocalObjects(folderOf(remote, remote.fs.localPath(remote.root)), oids, options);
  const missing: string[] = [];
  const objects = [...new Set(oids)].map((oid) => ({ oid, size: undefined }));
  const result = await checkSorted(remote, objects, options, (oid) => missing.push(oid));
  return { ...result, objects: result.objects - missing.length, missing };
}

function folderOf(remote: RemoteDb, root: OsPath): ObjectDb {
  // The layout's own folder is part of the remote's root already.
  const base = remote.layout === "3.x" ? root.replace(/[/\\]files[/\\]md5$/, "") : root;
  return new ObjectDb(base, { layout: remote.layout });
}

type Asked = { readonly oid: string; readonly size: number | undefined };

async function checkSorted(
  remote: RemoteDb,
  objects: readonly Asked[],
  options: RemoteCheckOptions,
  onMissing: (oid: string) => void = () => undefined,
): Promise<StoreCheck> {
  const { resume, signal } = options;
  const progress = new TransferProgress(options.reporter, options.task, objects.length);
  const rest = objects.filter(({ oid }) => resume === undefined || oid > resume.last);
  progress.add(objects.length - rest.length, 0);
  const bad: BadObject[] = [...(resume?.bad ?? [])];
  const total = { objects: resume?.objects ?? 0, bytes: resume?.bytes ?? 0 };
  try {
    for (let from = 0; from < rest.length; from += POINT_EVERY) {
      const some = rest.slice(from, from + POINT_EVERY);
      await mapBounded(
        some,
        remote.jobs,
        async (object) => {
          const found = await checkOne(remote, object, options);
          if (found === undefined) onMissing(object.oid);
          else if (found.bad !== undefined) bad.push(found.bad);
          total.objects++;
          total.bytes += found?.bytes ?? 0;
          progress.add(1, found?.bytes ?? 0);
        },
        signal,
      );
      const last = some[some.length - 1]?.oid;
      if (last !== undefined) options.onCheckPoint?.({ ...total, bad: [...bad], last });
    }
    return { ...total, bad };
  } finally {
    progress.end();
  }
}

/** Undefined when the remote does not have it (any more). */
async function checkOne(
  remote: RemoteDb,
  { oid, size }: Asked,
  options: RemoteCheckOptions,
): Promise<{ bytes: number; bad?: BadObject } | undefined> {
  const path = remote.pathOf(oid);
  const url = remote.fs.url(path);
  try {
    if (isDirHash(oid)) {
      const bytes = await remote.fs.readBytes(path, options);
      const bad = manifestBytesProblem(oid, url, bytes);
      return { bytes: bytes.length, ...(bad === undefined ? {} : { bad }) };
    }
    const { md5, bytes } = await hashOf(remote, path, size, options);
    return { bytes, ...(md5 === oid ? {} : { bad: { oid, path: url, problem: "damaged", actual: md5 } }) };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (isNotFound(error)) return undefined;
    if (isFatal(error)) throw error;
    return { bytes: 0, bad: { oid, path: url, problem: "unreadable", detail: (error as Error).message } };
  }
}

async function hashOf(
  remote: RemoteDb,
  path: string,
  size: number | undefined,
  options: RemoteCheckOptions,
): Promise<{ md5: string; bytes: number }> {
  if (remote.hashName === "md5-dos2unix") return hashText(remote, path, options);
  if (size !== undefined && size <= SMALL) {
    const bytes = await remote.fs.readBytes(path, options);
    return { md5: md5Bytes(bytes), bytes: bytes.length };
  }
  const hash = newMd5();
  let count = 0;
  for await (const chunk of (await remote.fs.read(path, options)) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    count += chunk.length;
  }
  return { md5: hash.digest("hex"), bytes: count };
}

/** The rule of DVC 2.x looks at blocks of a file. */
async function hashText(
  remote: RemoteDb,
  path: string,
  options: RemoteCheckOptions,
): Promise<{ md5: string; bytes: number }> {
  const file = options.temporary();
  try {
    const { size } = await remote.fs.download(
      path,
      file,
      options.signal === undefined ? {} : { signal: options.signal },
    );
    return { md5: md5Dos2Unix(file).md5, bytes: size };
  } finally {
    rmSync(file, { force: true });
  }
}
