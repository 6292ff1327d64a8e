import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import { isNotFound, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
import { md5Hex } from "./fileHash.ts";
import type {
  AccessFacts,
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
import { filesBelow, folderCaps, isPlainName, withoutSlash } from "./folderWalk.ts";
import { type Shape, strangeAnswer } from "./jsonAnswer.ts";
import { isEmptyRange } from "./objectPath.ts";
import { sendFile } from "./streamBody.ts";
import { downloadInOrder, type InOrder } from "./streamDownload.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import { type HdfsCall, WebHdfsClient } from "./webhdfsClient.ts";
import { checkHash } from "./webUpload.ts";
import { type WebHdfsSettings, webHdfsSettings } from "./webhdfsSettings.ts";

const PARALLEL = 8;

/** Opens `webhdfs://user@host:port/path`. @throws {ConfigError} for a bad URL or option */
export async function openWebHdfs(url: string, options: OpenOptions): Promise<OpenedStorage> {
  const { settings, root } = webHdfsSettings(url, options);
  return Promise.resolve({ fs: new WebHdfsFileSystem(settings), root });
}

/** What the NameNode says of a file or folder. */
interface FileStatus {
  readonly pathSuffix?: string;
  readonly type?: string;
  /** Bytes. */
  readonly length?: number;
  /** Milliseconds since the epoch. */
  readonly modificationTime?: number;
}

const STATUS: Shape = { pathSuffix: "text", type: "text", length: "count", modificationTime: "number" };

interface FileChecksum {
  readonly bytes: string;
  readonly length: number;
}

/** HDFS over HTTP, also through an HttpFS gateway. Paths begin with "/". */
export class WebHdfsFileSystem implements FileSystem {
  readonly protocol: "webhdfs" | "hdfs";
  readonly caps: FsCaps = folderCaps(PARALLEL);
  readonly #client: WebHdfsClient;
  readonly #settings: WebHdfsSettings;

  constructor(settings: WebHdfsSettings) {
    this.#settings = settings;
    this.protocol = settings.shown.protocol;
    this.#client = new WebHdfsClient(settings);
  }

  async stat(path: string, options?: CallOptions): Promise<Info | undefined> {
    try {
      const call = { method: "GET", op: "GETFILESTATUS", path, signal: options?.signal } as const;
      const answer = await this.#client.ask(call, { name: "FileStatus", shape: STATUS });
      return infoOf(path, (answer as { FileStatus: FileStatus }).FileStatus);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  list(prefix: string, options?: ListOptions): AsyncIterable<Info> {
    const list = (folder: string): Promise<Info[]> => this.#childrenOf(folder, options);
    return filesBelow(prefix, options?.startsWith ?? "", PARALLEL, list, this.protocol);
  }

  async *children(path: string, options?: CallOptions): AsyncIterable<Info> {
    yield* await this.#childrenOf(path, options);
  }

  async #childrenOf(path: string, options: CallOptions | undefined): Promise<Info[]> {
    try {
      const call = { method: "GET", op: "LISTSTATUS", path, signal: options?.signal } as const;
      const answer = await this.#client.ask(call, { name: "FileStatuses", shape: { FileStatus: [STATUS] } });
      const { FileStatuses: statuses } = answer as { FileStatuses: { FileStatus?: readonly FileStatus[] } };
      // A file is listed as itself, without a name.
      const named = (statuses.FileStatus ?? []).filter(({ pathSuffix }) => (pathSuffix ?? "") !== "");
      if (!named.every(({ pathSuffix }) => isPlainName(pathSuffix ?? "")))
        throw strangeAnswer({ about: this.url(path), protocol: this.protocol });
      return named.map((status) => infoOf(`${withoutSlash(path)}/${status.pathSuffix ?? ""}`, status));
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }

  async read(path: string, options: ReadOptions = {}): Promise<Readable> {
    return this.#client.attempt(options.signal, () => this.#client.open(openCall(path, options)));
  }

  async readBytes(path: string, options: ReadOptions = {}): Promise<Buffer> {
    if (isEmptyRange(options)) return Buffer.alloc(0);
    return (await this.#client.attempt(options.signal, () => this.#client.fetch(openCall(path, options)))).body;
  }

  async download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    options.signal?.throwIfAborted();
    const { size, etag } = options.size === undefined ? await this.#factsOf(path, options) : { size: options.size };
    const { signal } = options;
    const attempt: InOrder["attempt"] = (work) => this.#client.attempt(signal, work);
    const pour: InOrder["pour"] = async (rest, accept) => {
      const start = rest?.etag === etag ? rest?.start : undefined;
      const sink = accept({ start: start ?? 0, size, etag });
      if (sink === undefined) return;
      const part = start === undefined ? {} : { start };
      await this.#client.fetch(openCall(path, { ...part, ...(signal === undefined ? {} : { signal }) }), () => sink);
    };
    const otherSize: InOrder["otherSize"] = (received, expected) => {
      const what = `'${this.url(path)}' came with ${String(received)} bytes instead of ${String(expected)}`;
      return this.#problem(path, what, { retryable: received < expected });
    };
    return downloadInOrder(to, { attempt, pour, otherSize }, options);
  }

  async #factsOf(path: string, options: CallOptions): Promise<{ readonly size: number; readonly etag?: string }> {
    const info = await this.stat(path, options);
    if (info?.type === "file") return { size: info.size, etag: `${String(info.mtimeMs)}-${String(info.size)}` };
    throw this.#problem(path, `'${this.url(path)}' does not exist`, { code: "not-found" });
  }

  /** Beside its place first, then renamed: readers never see half of it. */
  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const aside = `${path}.${randomBytes(6).toString("hex")}.hftmp`;
    const { signal } = options;
    try {
      const size = await this.#client.attempt(signal, () => this.#put(aside, path, source, options));
      const there = await this.stat(aside, options);
      if (there?.size !== size)
        throw this.#problem(path, `'${this.url(path)}' did not arrive whole`, { retryable: true });
      await this.#rename(aside, path, size, options);
    } catch (error) {
      await this.remove(aside).catch(() => undefined);
      throw error;
    }
  }

  async #rename(aside: string, path: string, size: number, { signal }: CallOptions): Promise<void> {
    const call = {
      method: "PUT",
      op: "RENAME",
      path: aside,
      parameters: { destination: path, renameoptions: "OVERWRITE" },
      signal,
    } as const;
    const once = async (): Promise<boolean> => {
      try {
        // A NameNode says nothing, a gateway whether it did it.
        const said = (await this.#client.ask(call)) as { boolean?: boolean } | undefined;
        return said?.boolean !== false;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    };
    if (await once()) return;
    const isLeft = (await this.stat(aside)) !== undefined;
    // Where nothing is left, an earlier answer was lost.
    if (!isLeft && (await this.stat(path))?.size === size) return;
    if (isLeft) {
      // A gateway replaces nothing.
      await this.remove(path);
      if (await once()) return;
    }
    throw this.#problem(path, `'${this.url(path)}' could not be put in its place`, {});
  }

  async #put(aside: string, path: string, source: Source, options: WriteOptions): Promise<number> {
    const call: HdfsCall = {
      method: "PUT",
      op: "CREATE",
      path: aside,
      parameters: { overwrite: "true" },
      signal: options.signal,
    };
    if ("bytes" in source) {
      checkHash(this.url(path), md5Hex(source.bytes), options);
      await this.#client.send(call, source.bytes);
      options.onBytes?.(source.bytes.byteLength);
      return source.bytes.byteLength;
    }
    await sendFile(source, this.url(path), options, (body) => this.#client.send(call, body));
    return source.size;
  }

  /** HDFS's own: a digest of the block digests. */
  async checksum({ path }: Info, options?: CallOptions): Promise<string> {
    const call: HdfsCall = { method: "GET", op: "GETFILECHECKSUM", path, signal: options?.signal };
    const { body } = await this.#client.attempt(call.signal, () => this.#client.fetch(call));
    const field = { name: "FileChecksum", shape: { bytes: "text", length: "count" } } as const;
    const { FileChecksum: said } = this.#client.parsed(call, body, field) as { FileChecksum: Partial<FileChecksum> };
    const { bytes, length } = said;
    if (bytes === undefined || length === undefined)
      throw strangeAnswer({ about: this.url(path), protocol: this.protocol });
    // Over HTTP zeros stand behind it; Hadoop's own program, which DVC asks for hdfs://, leaves them out.
    return this.protocol === "hdfs" ? bytes.slice(0, 2 * length) : bytes;
  }

  async remove(path: string, options?: CallOptions): Promise<void> {
    const parameters = { recursive: "false" };
    try {
      await this.#client.ask({ method: "DELETE", op: "DELETE", path, parameters, signal: options?.signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async removeMany(paths: readonly string[], options?: CallOptions): Promise<void> {
    await mapBounded(paths, PARALLEL, (path) => this.remove(path, options), options?.signal);
  }

  url(path: string): string {
    return this.#client.url(path);
  }

  access(): Promise<AccessFacts> {
    return Promise.resolve({ credentials: this.#settings.credentials, endpoint: this.#settings.base.origin });
  }

  close(): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  #problem(
    path: string,
    message: string,
    more: { readonly code?: "not-found"; readonly retryable?: boolean },
  ): StorageError {
    return new StorageError(message, { protocol: this.protocol, path: this.url(path), ...more });
  }
}

function openCall(path: string, { start, end, signal }: ReadOptions): HdfsCall {
  const parameters = {
    offset: start === undefined ? undefined : String(start),
    length: end === undefined ? undefined : String(end - (start ?? 0)),
  };
  return { method: "GET", op: "OPEN", path, parameters, signal };
}

function infoOf(path: string, status: FileStatus): Info {
  const { length = 0, modificationTime: mtimeMs = 0 } = status;
  return status.type === "DIRECTORY"
    ? { path, size: 0, type: "folder", mtimeMs }
    : { path, size: length, type: "file", mtimeMs };
}
