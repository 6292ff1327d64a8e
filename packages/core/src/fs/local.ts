import { createHash } from "node:crypto";
import { closeSync, createReadStream, fsyncSync, openSync, readSync, unlinkSync } from "node:fs";
import { opendir, readFile, rename, rm, stat as statFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { CorruptObjectError, DvcError, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { syncFolder, temporaryPath, writeAll } from "./atomic.ts";
import type {
  AccessFacts,
  DownloadOptions,
  Downloaded,
  FsCaps,
  Info,
  ListOptions,
  LocalPathFileSystem,
  ReadOptions,
  Source,
  WriteOptions,
} from "./filesystem.ts";
import type { OpenedStorage } from "./openOptions.ts";
import { makeFolders } from "./makeFolders.ts";
import { openToRead, refuseEndless } from "./openToRead.ts";

/** Opens a folder: an absolute path or a `file://` URL. It need not be there yet. */
export function openLocal(url: string): Promise<OpenedStorage> {
  const root = url.startsWith("file://") ? fileURLToPath(url) : url;
  return Promise.resolve({ fs: new LocalFileSystem(), root });
}

const CHUNK_BYTES = 1 << 20;

/** A folder of this machine as a storage: local remotes, mounted shares. Paths are absolute and native. */
export class LocalFileSystem implements LocalPathFileSystem {
  readonly protocol = "local" as const;
  readonly caps: FsCaps = { atomicWrite: true, ranges: true, versionIds: false, maxParallel: 16, listPage: 1000 };

  localPath(path: string): string {
    return path;
  }

  async stat(path: string): Promise<Info | undefined> {
    try {
      const found = await statFile(path);
      if (found.isDirectory()) return { path, size: 0, type: "folder", mtimeMs: found.mtimeMs };
      return { path, size: found.size, type: "file", mtimeMs: found.mtimeMs };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw storageError(error, path);
    }
  }

  async *list(prefix: string, options?: ListOptions): AsyncIterable<Info> {
    const wanted = options?.startsWith ?? "";
    yield* this.#walk(prefix, "", wanted, options);
  }

  async *#walk(folder: string, rel: string, wanted: string, options?: CallOptions): AsyncIterable<Info> {
    for await (const child of this.children(folder, options)) {
      const childRel = rel + child.path.slice(child.path.lastIndexOf("/") + 1);
      const fits = childRel.startsWith(wanted);
      if (child.type === "folder") {
        if (fits || wanted.startsWith(`${childRel}/`)) yield* this.#walk(child.path, `${childRel}/`, wanted, options);
      } else if (fits) yield child;
    }
  }

  async *children(path: string, options?: CallOptions): AsyncIterable<Info> {
    let folder: Awaited<ReturnType<typeof opendir>>;
    try {
      folder = await opendir(path, { bufferSize: 512 });
    } catch (error) {
      if (isAbsent(error)) return;
      throw storageError(error, path);
    }
    for await (const entry of folder) {
      options?.signal?.throwIfAborted();
      const child = join(path, entry.name);
      if (entry.isDirectory()) yield { path: child, size: 0, type: "folder" };
      else {
        const info = await this.stat(child);
        if (info !== undefined) yield info;
      }
    }
  }

  read(path: string, options?: ReadOptions): Promise<Readable> {
    const stream = createReadStream(path, {
      fd: opened(path),
      highWaterMark: CHUNK_BYTES,
      ...(options?.start === undefined ? {} : { start: options.start }),
      ...(options?.end === undefined ? {} : { end: options.end - 1 }),
      ...(options?.signal === undefined ? {} : { signal: options.signal }),
    });
    return Promise.resolve(stream);
  }

  async readBytes(path: string, options?: ReadOptions): Promise<Buffer> {
    try {
      refuseEndless(path, await statFile(path));
      const bytes = await readFile(path, options?.signal === undefined ? {} : { signal: options.signal });
      if (options?.start === undefined && options?.end === undefined) return bytes;
      return bytes.subarray(options.start ?? 0, options.end ?? bytes.length);
    } catch (error) {
      throw storageError(error, path);
    }
  }

  async download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    const from = opened(path);
    try {
      return await copyOpenFile(from, to, options);
    } catch (error) {
      throw storageError(error, to);
    } finally {
      closeSync(from);
    }
  }

  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    const temp = temporaryPath(path);
    try {
      makeFolders(dirname(path));
      const md5 =
        "bytes" in source ? writeNewFile(temp, source.bytes, options) : await copyInto(source.file, temp, options);
      if (options.md5 !== undefined && md5 !== options.md5) {
        const name = "file" in source ? source.file : path;
        throw new CorruptObjectError(`'${name}' has the md5 ${md5} instead of ${options.md5}; it was not copied`, {
          path: name,
          expected: options.md5,
          actual: md5,
        });
      }
      await rename(temp, path);
      syncFolder(dirname(path));
    } catch (error) {
      await rm(temp, { force: true });
      throw storageError(error, path);
    }
  }

  async remove(path: string): Promise<void> {
    this.#unlink(path);
    return Promise.resolve();
  }

  async removeMany(paths: readonly string[], options?: CallOptions): Promise<void> {
    for (const path of paths) {
      options?.signal?.throwIfAborted();
      this.#unlink(path);
    }
    return Promise.resolve();
  }

  #unlink(path: string): void {
    try {
      unlinkSync(path);
    } catch (error) {
      if (!isAbsent(error)) throw storageError(error, path);
    }
  }

  url(path: string): string {
    return path;
  }

  access(): Promise<AccessFacts> {
    const { username, uid } = userInfo();
    return Promise.resolve({
      credentials: "none needed (permissions of the file system)",
      identity: uid < 0 ? username : `user ${username} (uid ${String(uid)})`,
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function opened(path: string): number {
  try {
    return openToRead(path);
  } catch (error) {
    throw storageError(error, path);
  }
}

function writeNewFile(to: string, bytes: Uint8Array, options: WriteOptions): string {
  const fd = openSync(to, "wx");
  try {
    writeAll(fd, bytes, bytes.length);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  options.onBytes?.(bytes.length);
  return createHash("md5").update(bytes).digest("hex");
}

async function copyInto(file: string, to: string, options: WriteOptions): Promise<string> {
  const from = openSync(file, "r");
  try {
    return (await copyOpenFile(from, to, { ...options, fsync: true })).md5;
  } finally {
    closeSync(from);
  }
}

/** Copies in chunks and hashes on the way; lets the event loop run between chunks so that an abort is seen. */
async function copyOpenFile(
  from: number,
  to: string,
  options: DownloadOptions & { readonly fsync?: boolean },
): Promise<Downloaded> {
  const target = openSync(to, "wx", options.mode ?? 0o666);
  try {
    const hash = createHash("md5");
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const end = options.end ?? Infinity;
    let at = options.start ?? 0;
    let size = 0;
    while (at < end) {
      const count = readSync(from, buffer, 0, Math.min(buffer.length, end - at), at);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      writeAll(target, buffer, count);
      at += count;
      size += count;
      options.onBytes?.(count);
      if (size % (16 * CHUNK_BYTES) === 0) await new Promise(setImmediate);
      options.signal?.throwIfAborted();
    }
    if (options.fsync === true) fsyncSync(target);
    return { md5: hash.digest("hex"), size };
  } finally {
    closeSync(target);
  }
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}

function storageError(error: unknown, path: string): unknown {
  if (error instanceof DvcError || (error as Error).name === "AbortError") return error;
  const code = (error as NodeJS.ErrnoException).code;
  return new StorageError((error as Error).message, {
    protocol: "local",
    path,
    cause: error,
    code: code === "ENOENT" ? "not-found" : "storage",
    ...(code === "EACCES" ? { hint: "Check the permissions of the folder." } : {}),
  });
}
