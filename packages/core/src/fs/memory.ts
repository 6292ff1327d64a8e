import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { CorruptObjectError, StorageError } from "../base/errors.ts";
import type {
  DownloadOptions,
  Downloaded,
  FileSystem,
  FsCaps,
  Info,
  ListOptions,
  ReadOptions,
  Source,
  WriteOptions,
} from "./filesystem.ts";

/** A storage in memory: the smallest implementation of the contract, for tests and trials. */
export class MemoryFileSystem implements FileSystem {
  readonly protocol = "memory" as const;
  readonly caps: FsCaps = { atomicWrite: true, ranges: true, versionIds: false, maxParallel: 64, listPage: 1000 };
  readonly files: Map<string, Buffer> = new Map<string, Buffer>();

  stat(path: string): Promise<Info | undefined> {
    const bytes = this.files.get(path);
    if (bytes !== undefined) return Promise.resolve({ path, size: bytes.length, type: "file" });
    const isFolder = [...this.files.keys()].some((one) => one.startsWith(`${path}/`));
    return Promise.resolve(isFolder ? { path, size: 0, type: "folder" } : undefined);
  }

  async *list(prefix: string, options?: ListOptions): AsyncIterable<Info> {
    const start = `${prefix}/${options?.startsWith ?? ""}`;
    for (const [path, bytes] of [...this.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      options?.signal?.throwIfAborted();
      if (path.startsWith(start)) yield await Promise.resolve({ path, size: bytes.length, type: "file" as const });
    }
  }

  async *children(path: string): AsyncIterable<Info> {
    const seen = new Set<string>();
    for await (const file of this.list(path)) {
      const rest = file.path.slice(path.length + 1);
      const slash = rest.indexOf("/");
      if (slash === -1) yield file;
      else {
        const folder = `${path}/${rest.slice(0, slash)}`;
        if (!seen.has(folder)) yield { path: folder, size: 0, type: "folder" };
        seen.add(folder);
      }
    }
  }

  async read(path: string, options?: ReadOptions): Promise<Readable> {
    const bytes = await this.readBytes(path, options);
    return Readable.from(bytes.length === 0 ? [] : [bytes]);
  }

  readBytes(path: string, options?: ReadOptions): Promise<Buffer> {
    const bytes = this.files.get(path);
    if (bytes === undefined) {
      return Promise.reject(
        new StorageError(`'${this.url(path)}' does not exist`, { protocol: "memory", path, code: "not-found" }),
      );
    }
    return Promise.resolve(bytes.subarray(options?.start ?? 0, options?.end ?? bytes.length));
  }

  async download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    const bytes = await this.readBytes(path, options);
    options.signal?.throwIfAborted();
    await writeFile(to, bytes, { flag: "wx", mode: options.mode ?? 0o666 });
    options.onBytes?.(bytes.length);
    return { md5: createHash("md5").update(bytes).digest("hex"), size: bytes.length };
  }

  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const bytes = "bytes" in source ? Buffer.from(source.bytes) : await readFile(source.file);
    const md5 = createHash("md5").update(bytes).digest("hex");
    if (options.md5 !== undefined && md5 !== options.md5) {
      throw new CorruptObjectError(`'${path}' has the md5 ${md5} instead of ${options.md5}`, {
        path,
        expected: options.md5,
        actual: md5,
      });
    }
    this.files.set(path, bytes);
    options.onBytes?.(bytes.length);
  }

  remove(path: string): Promise<void> {
    this.files.delete(path);
    return Promise.resolve();
  }

  removeMany(paths: readonly string[]): Promise<void> {
    for (const path of paths) this.files.delete(path);
    return Promise.resolve();
  }

  url(path: string): string {
    return `memory://${path}`;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
