import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { CorruptObjectError, isNotFound, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { type CloudAnswer, CloudHttp, type CloudRequest } from "./cloudHttp.ts";
import { FileHash, md5Hex } from "./fileHash.ts";
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
import { type HttpSettings, httpSettings } from "./httpSettings.ts";
import { isEmptyRange, rangeHeaders } from "./objectPath.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import type { AnswerHeaders, BodySink, SinkOf } from "./httpAnswer.ts";
import { downloadInOrder } from "./streamDownload.ts";
import { sendFileTo } from "./streamUpload.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_HOPS = 10;
/** Servers that know no HEAD, or not for everybody. */
const NO_HEAD = new Set([403, 405, 501]);
/** Larger files are read while they are sent (bytes). */
const IN_MEMORY = 32 << 20;

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
  readonly #services: Map<string, CloudHttp> = new Map<string, CloudHttp>();

  constructor(settings: HttpSettings) {
    this.#settings = settings;
    this.protocol = settings.base.protocol === "https:" ? "https" : "http";
  }

  async stat(path: string, options?: CallOptions): Promise<Info | undefined> {
    const headers = await this.#head(path, options);
    if (headers === undefined) return undefined;
    const etag = headers["etag"] ?? headers["content-md5"];
    const mtimeMs = Date.parse(headers["last-modified"] ?? "");
    return {
      path,
      size: Number(headers["content-length"] ?? 0),
      type: "file",
      ...(etag === undefined ? {} : { etag }),
      ...(Number.isNaN(mtimeMs) ? {} : { mtimeMs }),
    };
  }

  async #head(path: string, options: CallOptions | undefined): Promise<AnswerHeaders | undefined> {
    try {
      return (await this.#send(this.#request("HEAD", path, {}, options))).headers;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!(error instanceof HttpAnswerError) || !NO_HEAD.has(error.status)) throw error;
    }
    let seen: AnswerHeaders | undefined;
    try {
      await this.#send(this.#request("GET", path, {}, options), (_status, headers) => {
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

  async read(path: string, options: ReadOptions = {}): Promise<Readable> {
    const request = this.#request("GET", path, rangeHeaders(options), options);
    const place = await this.#attempt(options.signal, () => this.#placeOf(request));
    return this.#attempt(options.signal, () => this.#service(place.origin).open(at(request, place)));
  }

  async readBytes(path: string, options: ReadOptions = {}): Promise<Buffer> {
    if (isEmptyRange(options)) return Buffer.alloc(0);
    const { status, body } = await this.#send(this.#request("GET", path, rangeHeaders(options), options));
    const isPart = options.start !== undefined || options.end !== undefined;
    // A server without ranges sends all of it.
    return isPart && status === 200 ? body.subarray(options.start ?? 0, options.end) : body;
  }

  async download(path: string, to: string, options: DownloadOptions = {}): Promise<Downloaded> {
    options.signal?.throwIfAborted();
    const fd = openSync(to, "wx", options.mode ?? 0o666);
    let tries = 0;
    try {
      return await this.#attempt(options.signal, () => {
        if (tries++ > 0) ftruncateSync(fd, 0);
        return this.#downloadOnce(path, fd, options);
      });
    } finally {
      closeSync(fd);
    }
  }

  #downloadOnce(path: string, fd: number, options: DownloadOptions): Promise<Downloaded> {
    const receive = async (sink: BodySink): Promise<number | undefined> => {
      const { headers } = await this.#sendOnce(this.#request("GET", path, {}, options), () => sink);
      if (headers["content-encoding"] !== undefined) return undefined;
      const length = Number(headers["content-length"] ?? NaN);
      return options.size ?? (Number.isFinite(length) ? length : undefined);
    };
    const otherSize = (received: number, expected: number): StorageError => {
      const what = `'${this.url(path)}' came with ${String(received)} bytes instead of ${String(expected)}`;
      return this.#problem(path, what, { retryable: received < expected });
    };
    return downloadInOrder(fd, { receive, otherSize }, options);
  }

  /** One request; whether readers see half of it is the server's affair. Not tried again, as in DVC. */
  async write(path: string, source: Source, options: WriteOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const headers = { "content-type": "application/octet-stream" };
    if ("file" in source && source.size > IN_MEMORY) {
      const md5 = await md5OfFile(source.file, source.size);
      if (options.md5 !== undefined && md5 !== options.md5) throw this.#wrongBytes(path, options.md5, md5);
      await this.#sendLarge(path, source, md5, headers, options);
      return;
    }
    const body = "bytes" in source ? source.bytes : await readFile(source.file);
    const md5 = md5Hex(body);
    if (options.md5 !== undefined && md5 !== options.md5) throw this.#wrongBytes(path, options.md5, md5);
    await this.#sendOnce({ ...this.#request(this.#settings.uploadMethod, path, headers, options), body });
    options.onBytes?.(body.byteLength);
  }

  async #sendLarge(
    path: string,
    { file, size }: { readonly file: string; readonly size: number },
    md5: string,
    headers: Record<string, string>,
    options: WriteOptions,
  ): Promise<void> {
    const hash = createHash("md5");
    const { authHeaders, tls, uploadMethod: method } = this.#settings;
    const onChunk = (chunk: Buffer): void => {
      hash.update(chunk);
      options.onBytes?.(chunk.length);
    };
    const upload = {
      method,
      headers: { ...headers, ...authHeaders },
      tls,
      file,
      size,
      signal: options.signal,
      onChunk,
    };
    const { status, body } = await sendFileTo(new URL(this.url(path)), upload).catch((cause: unknown) => {
      options.signal?.throwIfAborted();
      throw this.#problem(path, `the connection broke while '${this.url(path)}' was sent`, { cause });
    });
    if (status < 200 || status > 299) throw this.#failure(this.url(path), status, body);
    const sent = hash.digest("hex");
    if (sent !== md5) throw this.#wrongBytes(path, md5, sent);
  }

  remove(path: string): Promise<void> {
    return Promise.reject(
      this.#problem(path, `files of ${this.protocol}:// can't be removed`, { code: "unsupported" }),
    );
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
    const { origin, search } = this.#settings.base;
    return `${origin}${path.split("/").map(encodeURIComponent).join("/")}${search}`;
  }

  access(): Promise<AccessFacts> {
    return Promise.resolve({ credentials: this.#settings.credentials, endpoint: this.#settings.base.origin });
  }

  close(): Promise<void> {
    for (const service of this.#services.values()) service.close();
    return Promise.resolve();
  }

  #request(
    method: CloudRequest["method"],
    path: string,
    headers: Record<string, string>,
    options: CallOptions | undefined,
  ): CloudRequest {
    const url = new URL(this.url(path));
    const plain = { "accept-encoding": "identity", ...headers };
    return { method, path: url.pathname + url.search, about: this.url(path), headers: plain, signal: options?.signal };
  }

  #send(request: CloudRequest, sinkOf?: SinkOf): Promise<CloudAnswer> {
    return this.#attempt(request.signal, () => this.#sendOnce(request, sinkOf));
  }

  #attempt<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.#service(this.#settings.base.origin).attempt(signal, work);
  }

  /** Sends and follows redirects; what authorises goes to the first server only. */
  async #sendOnce(request: CloudRequest, sinkOf?: SinkOf): Promise<CloudAnswer> {
    let place = new URL(request.about);
    for (let hop = 0; hop <= MAX_HOPS; hop++) {
      const sink: SinkOf | undefined =
        sinkOf && ((status, headers) => (REDIRECTS.has(status) ? undefined : sinkOf(status, headers)));
      const asked = { ...at(request, place), accept: [...REDIRECTS] };
      const answer = await this.#service(place.origin).receive(asked, sink);
      if (!REDIRECTS.has(answer.status)) return answer;
      place = this.#next(place, answer, request.about);
    }
    throw this.#problem(request.about, `'${request.about}' redirects without end`, {});
  }

  /** Where the file is, after redirects. */
  async #placeOf(request: CloudRequest): Promise<URL> {
    let place = new URL(request.about);
    for (let hop = 0; hop <= MAX_HOPS; hop++) {
      const asked = { ...at(request, place), method: "HEAD", accept: [...REDIRECTS, ...NO_HEAD] } as const;
      const answer = await this.#service(place.origin).receive(asked);
      if (!REDIRECTS.has(answer.status)) return place;
      place = this.#next(place, answer, request.about);
    }
    throw this.#problem(request.about, `'${request.about}' redirects without end`, {});
  }

  #next(from: URL, { headers }: CloudAnswer, about: string): URL {
    const to = headers["location"];
    const next = to !== undefined && URL.canParse(to, from.href) ? new URL(to, from) : undefined;
    const isDowngrade = from.protocol === "https:" && next?.protocol !== "https:";
    if (next === undefined || isDowngrade || !/^https?:$/.test(next.protocol))
      throw this.#problem(about, `'${about}' redirects to '${to ?? ""}', which is not followed`, {});
    return next;
  }

  #service(origin: string): CloudHttp {
    let service = this.#services.get(origin);
    if (service === undefined) {
      const { base, env, tls, connectTimeoutMs, readTimeoutMs, authHeaders } = this.#settings;
      service = new CloudHttp({
        protocol: this.protocol,
        base: new URL(origin),
        env,
        tls,
        connectTimeoutMs,
        readTimeoutMs,
        authorize: (_request, headers) => {
          if (origin === base.origin) Object.assign(headers, authHeaders);
        },
        errorOf: ({ about }, { status, body }) => this.#failure(about, status, body.toString("utf8")),
      });
      this.#services.set(origin, service);
    }
    return service;
  }

  #failure(about: string, status: number, _body: string): StorageError {
    if (status === 404 || status === 410) return new HttpAnswerError(`'${about}' does not exist`, status, "not-found");
    if (status === 401 || status === 403) {
      return new HttpAnswerError(`access to '${about}' was denied (HTTP ${String(status)})`, status, "auth", {
        hint: "Check the remote's `auth`, `user` and `password`.",
      });
    }
    if (status === 405)
      return new HttpAnswerError(`the server does not take that of '${about}' (HTTP 405)`, status, "config", {
        hint: "For uploads, try `remote modify NAME method PUT`; many web servers only serve.",
      });
    const passes = status >= 500 || status === 408 || status === 429;
    return new HttpAnswerError(`'${about}': HTTP ${String(status)}`, status, "storage", { retryable: passes });
  }

  #wrongBytes(path: string, expected: string, actual: string): CorruptObjectError {
    const url = this.url(path);
    return new CorruptObjectError(`what was to be sent to '${url}' has the hash ${actual}`, {
      path: url,
      expected,
      actual,
    });
  }

  #problem(
    path: string,
    message: string,
    more: { readonly code?: "unsupported"; readonly retryable?: boolean; readonly cause?: unknown },
  ): StorageError {
    return new StorageError(message, { protocol: this.protocol, path, ...more });
  }
}

/** A failing answer of a web server. */
class HttpAnswerError extends StorageError {
  readonly status: number;
  constructor(
    message: string,
    status: number,
    code: "not-found" | "auth" | "config" | "storage",
    more: { readonly hint?: string; readonly retryable?: boolean } = {},
  ) {
    super(message, { protocol: "http", path: message, code, ...more });
    this.status = status;
  }
}

async function md5OfFile(file: string, size: number): Promise<string> {
  const hash = new FileHash(file);
  try {
    return await hash.finish(size);
  } finally {
    await hash.stop();
  }
}

function at(request: CloudRequest, place: URL): CloudRequest {
  return { ...request, path: place.pathname + place.search };
}
