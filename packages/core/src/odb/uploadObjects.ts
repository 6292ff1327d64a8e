import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { CorruptObjectError, isNotFound, StorageError } from "../base/errors.ts";
import { BufferPool } from "../fs/bufferPool.ts";
import type { Source, WriteOptions } from "../fs/filesystem.ts";
import { readAt } from "../fs/uploadFile.ts";
import { DIR_SUFFIX, isDirHash } from "../hash/hashInfo.ts";
import { md5Bytes } from "../hash/md5.ts";
import type { CopyOutcome } from "./copyObjects.ts";
import type { LocalObjects } from "./localObjects.ts";
import { eachObject } from "./objectFailures.ts";
import type { RemoteDb } from "./remoteDb.ts";
import type { TransferOptions } from "./transferTypes.ts";
import type { TransferProgress } from "./transferProgress.ts";
import { ofFile } from "../base/ofFile.ts";

/** Up to here an object is read whole and checked before the first byte is sent. */
const SMALL_BYTES = 8 << 20;
/** Up to here nobody waits for memory. */
const TINY_BYTES = 256 << 10;
/** Objects in memory, of all uploads together (bytes). */
const buffers: BufferPool = new BufferPool(32 << 20);

/** Sends objects of the cache to the remote's storage, each checked against its hash. Failures are collected. */
export async function uploadObjects(
  cache: LocalObjects,
  remote: RemoteDb,
  oids: Iterable<string>,
  progress: TransferProgress,
  options: TransferOptions,
): Promise<CopyOutcome> {
  return eachObject(
    oids,
    options.jobs ?? remote.jobs,
    (oid) => uploadOne(cache, remote, oid, progress, options),
    options.signal,
  );
}

async function uploadOne(
  cache: LocalObjects,
  remote: RemoteDb,
  oid: string,
  progress: TransferProgress,
  options: TransferOptions,
): Promise<number> {
  const file = cache.pathOf(oid);
  const size = sizeOf(file);
  const path = remote.pathOf(oid);
  const md5 = cache.hashName === "md5" ? oid.slice(0, 32) : undefined;
  const call: WriteOptions = {
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(md5 === undefined ? {} : { md5 }),
  };
  if (size > SMALL_BYTES) {
    const onBytes = (count: number): void => {
      progress.add(0, count);
    };
    await write(remote, path, { file, size }, { ...call, onBytes });
    progress.add(1, 0);
    return size;
  }
  const send = async (bytes: Buffer): Promise<number> => {
    if (md5 !== undefined) checkBytes(file, oid, bytes);
    await write(remote, path, { bytes }, call);
    progress.add(1, bytes.length);
    return bytes.length;
  };
  if (size <= TINY_BYTES) return send(ofFile(file, () => readFileSync(file)));
  return buffers.use(size, (buffer) => send(readInto(buffer, file, size)));
}

function readInto(buffer: Buffer, file: string, size: number): Buffer {
  const fd = openSync(file, "r");
  try {
    return ofFile(file, () => readAt(fd, buffer, 0, size));
  } finally {
    closeSync(fd);
  }
}

/** What the remote does not find is no object that we lack: the upload has failed. */
async function write(remote: RemoteDb, path: string, source: Source, options: WriteOptions): Promise<void> {
  try {
    await remote.fs.write(path, source, options);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new StorageError(`'${remote.fs.url(path)}' could not be written`, {
      protocol: remote.fs.protocol,
      path,
      cause: error,
    });
  }
}

function sizeOf(file: string): number {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined) return found.size;
  throw new StorageError(`'${file}' does not exist`, { protocol: "local", path: file, code: "not-found" });
}

function checkBytes(file: string, oid: string, bytes: Buffer): void {
  const md5 = md5Bytes(bytes);
  const actual = isDirHash(oid) ? md5 + DIR_SUFFIX : md5;
  if (actual === oid) return;
  throw new CorruptObjectError(`'${file}' is damaged: its bytes have the hash ${actual}`, {
    path: file,
    expected: oid,
    actual,
    hint: "It was not pushed. Remove it and get the object again from a place that has it.",
  });
}
