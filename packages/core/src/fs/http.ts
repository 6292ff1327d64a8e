import type { Readable } from "node:stream";
import { isNotFound } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import type {
  AccessFacts,
  DownloadOptions,
  Downloaded,
  FileSystem,
  FsCaps,
  Info,
  ReadOptions,
  Source,
  WriteOptions,
} from "./filesystem.ts";
import type { AnswerHeaders } from "./httpAnswer.ts";
import { type HttpSettings, httpSettings } from "./httpSettings.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import { NO_HEAD, WebClient } from "./webClient.ts";
import { WebAnswerError } from "./webFailure.ts";

const HINTS = {
  auth: "Check the remote's `auth`, `user` and `password`.",
  method: "For uploads, try `remote modify NAME method PUT`; many web servers only serve.",
};

/** Opens `http://…` or `https://…`. @throws {ConfigError} for a bad URL or option */
export async function openHttp(url: string, options: OpenOptions): Promise<OpenedStorage> {
  const settings = await httpSettings(url, options);
  const root = decodeURIComponent(settings.base.pathname).replace(/(?<=.)\/+$/, "");
  return { fs: new HttpFileSystem(settings), root };
}

/** A web server: files by name, no listing, no removal, as in DVC. Paths are those of the URL, decoded. */
class HttpFileSystem implements FileSystem {
  readonly protocol: "http" | "https";
  readonly caps: FsCaps = { atomicWrite: false, ranges: true, versionIds: false, maxParallel: 16, listPage: 0 };
  readonly #settings: HttpSettings;
  readonly #client: WebClient;

  constructor(settings: HttpSettings) {
    this.#settings = settings;
    this.protocol = settings.base.protocol === "https:" ? "https" : "http";
    this.#client = new WebClient({ ...settings, protocol: this.protocol, hints: HINTS });
  }

  async stat(path: string, options?: CallOptions): Promise<Info | undefined> {
    const headers = await this.#head(path, options);
    if (headers === undefined) return undefined;
    const etag = headers["etag"] ?? headers["content-md5"];
    const mtimeMs = Date.parse(headers["last-modified"] ?? "");
    // Of a compressed body it is not the file's.
    const length = headers["content-encoding"] === undefined ? headers["content-length"] : undefined;
    return {
      path,
      ...(length === undefined ? { size: 0, sizeUnknown: true } : { size: Number(length) }),
      type: "file",
      ...(etag === undefined ? {} : { etag }),
      ...(Number.isNaN(mtimeMs) ? {} : { mtimeMs }),
    };
  }

  async #head(path: string, options: CallOptions | undefined): Promise<AnswerHeaders | undefined> {
    const client = this.#client;
    try {
      return (await client.send(client.request("HEAD", path, {}, options))).headers;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!(error instanceof WebAnswerError) || !NO_HEAD.has(error.status)) throw error;
    }
    let seen: AnswerHeaders | undefined;
    try {
      await client.send(client.request("GET", path, {}, options), (_status, headers) => {
        seen = headers;
        return () => false;
      });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    return seen ?? {};
  }

  /** Nothing: a web server tells no names. */
  async *list(): AsyncIterable<Info> {
    await Promise.resolve();
  }

  /** Nothing: a web server tells no names. */
  async *children(): AsyncIterable<Info> {
    await Promise.resolve();
  }

  read(path: string, options: ReadOptions = {}): Promise<Readable> {
    return this.#client.read(path, options);
  }

  readBytes(path: string, options: ReadOptions = {}): Promise<Buffer> {
    return this.#client.readBytes(path, options);
  }

  download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    return this.#client.download(path, to, options);
  }

  /** One request, tried again when it is lost; whether readers see half of it is the server's affair. */
  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const upload = { method: this.#settings.uploadMethod, path, source, checkFirst: true };
    await this.#client.attempt(options.signal, () => this.#client.upload(upload, options));
  }

  remove(path: string): Promise<void> {
    const message = `files of ${this.protocol}:// can't be removed`;
    return Promise.reject(this.#client.problem(path, message, { code: "unsupported" }));
  }

  async removeMany(paths: readonly string[]): Promise<void> {
    for (const path of paths) await this.remove(path);
  }

  /** The ETag as the server spells it, else its Content-MD5, else when it was changed and how large it is. */
  checksum({ etag, mtimeMs, size }: Info): Promise<string | undefined> {
    const changed = mtimeMs === undefined ? undefined : `${String(mtimeMs)}-${String(size)}`;
    return Promise.resolve(etag ?? changed);
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
}
