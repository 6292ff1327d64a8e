import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { FileEntryWithStats, Stats } from "ssh2";
import { DvcError, isNotFound, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { mapBounded } from "../base/pool.ts";
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
import type { BodySink } from "./httpAnswer.ts";
import { strangeAnswer } from "./jsonAnswer.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import { DEFAULT_RETRY, retrying } from "./retry.ts";
import { chunksOf, closeFile, openFile, readFirst, sizeOf, statsOf, withFile } from "./sftpFile.ts";
import { entriesOf, NO_SUCH_FILE, PERMISSION_DENIED, statOf, statusOf, unlink } from "./sftpNames.ts";
import { type SftpChannel, SshConnection } from "./sshConnection.ts";
import { loginOf } from "./sshLogin.ts";
import { type SshSettings, sshSettings } from "./sshSettings.ts";
import { SshUploads } from "./sshUpload.ts";
import { type Begun, type Coming, downloadInOrder, type InOrder } from "./streamDownload.ts";

const PARALLEL = 32;
const LISTED_AT_ONCE = 8;

/** Opens `ssh://user@host:port/path`. Connects when first asked. @throws {ConfigError} for a bad URL or option */
export async function openSsh(url: string, options: OpenOptions): Promise<OpenedStorage> {
  const { settings, root } = await sshSettings(url, options);
  return { fs: new SshFileSystem(settings), root };
}

/** Files of a server over SFTP. Paths are the server's. */
class SshFileSystem implements FileSystem {
  readonly protocol = "ssh" as const;
  readonly caps: FsCaps = folderCaps(PARALLEL);
  readonly #settings: SshSettings;
  readonly #uploads: SshUploads = new SshUploads({ url: (path) => this.url(path), md5: (path) => this.#md5Of(path) });
  #connection: Promise<SshConnection> | undefined;

  constructor(settings: SshSettings) {
    this.#settings = settings;
  }

  async stat(path: string, options?: CallOptions): Promise<Info | undefined> {
    try {
      const stats = await this.#ask(path, options, (channel) => statOf(channel, path));
      return infoOf(path, stats);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Links to folders are not followed. */
  list(prefix: string, options?: ListOptions): AsyncIterable<Info> {
    const list = (folder: string): Promise<Info[]> => this.#entries(folder, false, options);
    return filesBelow(prefix, options?.startsWith ?? "", LISTED_AT_ONCE, list, this.protocol);
  }

  async *children(path: string, options?: CallOptions): AsyncIterable<Info> {
    yield* await this.#entries(path, true, options);
  }

  async #entries(folder: string, followsLinks: boolean, options: CallOptions | undefined): Promise<Info[]> {
    let entries: FileEntryWithStats[];
    try {
      entries = await this.#ask(folder, options, (channel) => entriesOf(channel, folder));
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
    if (!entries.every(({ filename }) => isPlainName(filename)))
      throw strangeAnswer({ about: this.url(folder), protocol: this.protocol });
    const infos = await mapBounded(entries, LISTED_AT_ONCE, async ({ filename, attrs }) => {
      const path = `${withoutSlash(folder)}/${filename}`;
      if (!attrs.isSymbolicLink()) return infoOf(path, attrs);
      const behind = await this.stat(path, options);
      return behind?.type === "folder" && !followsLinks ? undefined : behind;
    });
    return infos.filter((one) => one !== undefined);
  }

  async read(path: string, options: ReadOptions = {}): Promise<Readable> {
    const channel = (await this.#connect(options.signal)).channel();
    const bytes = this.#bytes(channel, path, options);
    // The first piece tells whether the file is there.
    const first = await bytes.next();
    return Readable.from(after(first, bytes), { objectMode: false });
  }

  async *#bytes(channel: SftpChannel, path: string, options: ReadOptions): AsyncGenerator<Buffer> {
    const { start = 0, signal } = options;
    let handle: Buffer | undefined;
    try {
      handle = await openFile(channel, path, "r");
      const end = Math.min(options.end ?? Infinity, await sizeOf(channel, handle));
      yield* chunksOf(channel, handle, { start, end, signal });
    } catch (error) {
      throw this.#failure(path, error);
    } finally {
      if (handle !== undefined) await closeFile(channel, handle).catch(() => undefined);
    }
  }

  async readBytes(path: string, options: ReadOptions = {}): Promise<Buffer> {
    return this.#ask(path, options, async (channel) => {
      const chunks: Buffer[] = [];
      for await (const chunk of this.#bytes(channel, path, options)) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  }

  async download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    const { signal } = options;
    const attempt: InOrder["attempt"] = (work) => this.#retrying(path, signal, work);
    const pour: InOrder["pour"] = async (rest, accept) => {
      const channel = (await this.#live()).channel();
      await withFile(channel, path, "r", (handle) => this.#pour(channel, handle, { rest, accept, signal }));
    };
    const otherSize: InOrder["otherSize"] = (received, expected) => this.#otherSize(path, received, expected);
    return downloadInOrder(to, { attempt, pour, otherSize }, options);
  }

  /** Its size is asked for beside its first bytes: a small file costs two round trips. */
  async #pour(
    channel: SftpChannel,
    handle: Buffer,
    {
      rest,
      accept,
      signal,
    }: {
      readonly rest: Begun | undefined;
      readonly accept: (coming: Coming) => BodySink | undefined;
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<void> {
    const asked = statsOf(channel, handle);
    const begun = rest === undefined ? readFirst(channel, handle) : undefined;
    for (const one of [asked, begun]) one?.catch(() => undefined);
    const { size, mtime } = await asked;
    const etag = `${String(mtime)}-${String(size)}`;
    const start = rest?.etag === etag ? rest.start : 0;
    const sink = accept({ start, size, etag });
    if (sink === undefined) return;
    const first = (await begun)?.subarray(0, size) ?? Buffer.alloc(0);
    sink(first);
    const more = { start: start + first.length, end: size, signal };
    for await (const chunk of chunksOf(channel, handle, more)) sink(chunk);
  }

  #otherSize(path: string, received: number, expected: number): StorageError {
    const what = `'${this.url(path)}' came with ${String(received)} bytes instead of ${String(expected)}`;
    return new StorageError(what, { ...this.#at(path), retryable: received < expected });
  }

  /** Beside its place first, then renamed: readers never see half of it. */
  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const lost = new Set<string>();
    await this.#ask(path, options, (channel) => this.#uploads.put(channel, { path, source, options, lost }));
    for (const aside of lost) await this.remove(aside, options).catch(() => undefined);
  }

  /** Hex md5: computed by the server where it has `md5sum`, else here. */
  async checksum({ path }: Info, options?: CallOptions): Promise<string> {
    await this.#connect(options?.signal);
    const digest = await this.#md5Of(path);
    if (digest !== undefined) return digest;
    const hash = createHash("md5");
    for await (const chunk of await this.read(path, options)) hash.update(chunk as Buffer);
    return hash.digest("hex");
  }

  async #md5Of(path: string): Promise<string | undefined> {
    const said = await (await this.#live()).run(`md5sum -- '${path.replaceAll("'", "'\\''")}'`);
    return said === undefined ? undefined : /^\\?([0-9a-f]{32})\s/.exec(said)?.[1];
  }

  async remove(path: string, options?: CallOptions): Promise<void> {
    try {
      await this.#ask(path, options, (channel) => unlink(channel, path));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async removeMany(paths: readonly string[], options?: CallOptions): Promise<void> {
    await mapBounded(paths, PARALLEL, (path) => this.remove(path, options), options?.signal);
  }

  url(path: string): string {
    const { host, port } = this.#settings.target;
    return `ssh://${host}${port === 22 ? "" : `:${String(port)}`}${path.startsWith("/") ? "" : "/"}${path}`;
  }

  access(): Promise<AccessFacts> {
    const { target, jumps } = this.#settings;
    const { tried } = loginOf(target, this.#settings);
    const way = jumps.map(({ host }) => ` through ${host}`).join("");
    return Promise.resolve({
      credentials: tried.length === 0 ? "none" : tried.join(", "),
      identity: target.user,
      endpoint: `${target.host}:${String(target.port)}${way}`,
    });
  }

  async close(): Promise<void> {
    const opened = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    opened?.close();
  }

  /** Asks on a channel; tries again, on a new connection where the old one was lost. */
  #ask<T>(path: string, options: CallOptions | undefined, work: (channel: SftpChannel) => Promise<T>): Promise<T> {
    return this.#retrying(path, options?.signal, async () => work((await this.#live()).channel()));
  }

  #retrying<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return retrying(DEFAULT_RETRY, signal, async () => {
      try {
        return await work();
      } catch (error) {
        throw this.#failure(path, error);
      }
    });
  }

  #connect(signal: AbortSignal | undefined): Promise<SshConnection> {
    return retrying(DEFAULT_RETRY, signal, () => this.#live());
  }

  async #live(): Promise<SshConnection> {
    const opening = (this.#connection ??= SshConnection.open(this.#settings));
    try {
      const connection = await opening;
      if (connection.isOpen) return connection;
      connection.close();
    } catch (error) {
      if (this.#connection === opening) this.#connection = undefined;
      throw error;
    }
    if (this.#connection === opening) this.#connection = undefined;
    return this.#live();
  }

  #failure(path: string, error: unknown): unknown {
    if (error instanceof DvcError) return error;
    const status = statusOf(error);
    if (status === undefined) return error;
    const at = { ...this.#at(path), cause: error };
    if (status === NO_SUCH_FILE) return new StorageError(`'${at.path}' does not exist`, { ...at, code: "not-found" });
    if (status === PERMISSION_DENIED) {
      const user = this.#settings.target.user;
      const hint = `Check what user '${user}' may do there.`;
      return new StorageError(`'${at.path}': permission denied`, { ...at, code: "auth", hint });
    }
    return new StorageError(`'${at.path}' failed`, at);
  }

  #at(path: string): { readonly protocol: string; readonly path: string } {
    return { protocol: "ssh", path: this.url(path) };
  }
}

async function* after(first: IteratorResult<Buffer, unknown>, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

function infoOf(path: string, stats: Stats): Info {
  const mtimeMs = stats.mtime * 1000;
  return stats.isDirectory()
    ? { path, size: 0, type: "folder", mtimeMs }
    : { path, size: stats.size, type: "file", mtimeMs };
}
