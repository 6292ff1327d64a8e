import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { type ErrorCode, StorageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { type CloudAnswer, CloudHttp, type CloudRequest } from "./cloudHttp.ts";
import { md5Hex } from "./fileHash.ts";
import type { DownloadOptions, Downloaded, ReadOptions, Source, WriteOptions } from "./filesystem.ts";
import type { AnswerHeaders, SinkOf } from "./httpAnswer.ts";
import { isEmptyRange, rangeHeaders } from "./objectPath.ts";
import type { OpenOptions } from "./openOptions.ts";
import {
  type Begun,
  type Coming,
  downloadInOrder,
  type InOrder,
  placeOfAnswer,
  restHeaders,
} from "./streamDownload.ts";
import { sendFile, type StreamBody } from "./streamBody.ts";
import type { TlsChoice } from "./tlsChoice.ts";
import { WebAnswerError, webFailure } from "./webFailure.ts";
import type { WebLogin } from "./webLogin.ts";
import { checkHash, md5OfFile } from "./webUpload.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_HOPS = 10;
/** Servers that know no HEAD, or not for everybody. */
export const NO_HEAD: ReadonlySet<number> = new Set([403, 405, 501]);
/** Larger files are read while they are sent (bytes). */
const IN_MEMORY = 8 << 20;
/** It ends before the rest begins: it is another file by now. */
const NO_RANGE = 416;
/** Takes no byte of a body. */
const NOTHING = (): boolean => false;
const OCTETS = { "content-type": "application/octet-stream" };

/** A web server whose files are asked for by name. */
export interface WebService {
  readonly protocol: "http" | "https" | "webdav" | "webdavs";
  /** Origin, and what stands behind every path (`?…`); always http(s). */
  readonly base: URL;
  readonly env: OpenOptions["env"];
  readonly tls: TlsChoice;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Sent to the origin of `base` only, never to where it redirects. */
  readonly login: WebLogin;
  /** What to do when the server lets nobody in, and when it refuses a method. */
  readonly hints: { readonly auth: string; readonly method: string };
  /** It may answer 403 to who reads what is not there. */
  readonly hidesAbsence?: boolean;
}

/** One upload. */
export interface WebUpload {
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly source: Source;
  /** Wrong bytes are not sent at all; otherwise they are found out at the end of a large file. */
  readonly checkFirst: boolean;
}

/** Reads and writes files of a web server; paths are those of the URL, decoded. Rejects with StorageError only. */
export class WebClient {
  readonly #service: WebService;
  readonly #origins: Map<string, CloudHttp> = new Map<string, CloudHttp>();

  constructor(service: WebService) {
    this.#service = service;
  }

  url(path: string): string {
    const { origin, search } = this.#service.base;
    return `${origin}${path.split("/").map(encodeURIComponent).join("/")}${search}`;
  }

  request(
    method: CloudRequest["method"],
    path: string,
    headers: Record<string, string>,
    options: CallOptions | undefined,
  ): CloudRequest {
    const url = new URL(this.url(path));
    const plain = { "accept-encoding": "identity", ...headers };
    return { method, path: url.pathname + url.search, about: this.url(path), headers: plain, signal: options?.signal };
  }

  /** Sends, follows redirects, tries again what may pass. */
  send(request: CloudRequest, sinkOf?: SinkOf): Promise<CloudAnswer> {
    return this.attempt(request.signal, () => this.sendOnce(request, sinkOf));
  }

  /** Tries `work` again as long as its failure may pass, and once with new credentials. */
  attempt<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const { base, login } = this.#service;
    return this.#at(base.origin).attempt(signal, async () => {
      if (login.renew === undefined) return work();
      const used = await login.headers();
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof WebAnswerError) || error.status !== 401) throw error;
        login.renew(used);
        return work();
      }
    });
  }

  /** Sends and follows redirects; what authorises goes to the first server only. */
  async sendOnce(request: CloudRequest, sinkOf?: SinkOf): Promise<CloudAnswer> {
    const accepted = request.accept ?? [];
    let place = new URL(request.about);
    for (let hop = 0; hop <= MAX_HOPS; hop++) {
      const sink: SinkOf | undefined =
        sinkOf && ((status, headers) => (REDIRECTS.has(status) ? undefined : sinkOf(status, headers)));
      const asked = { ...at(request, place), accept: [...accepted, ...REDIRECTS] };
      const answer = await this.#at(place.origin).receive(asked, sink);
      if (!REDIRECTS.has(answer.status)) return answer;
      place = this.#next(place, answer, request.about);
    }
    throw this.#endless(request.about);
  }

  async read(path: string, options: ReadOptions): Promise<Readable> {
    const request = this.request("GET", path, rangeHeaders(options), options);
    const place = await this.attempt(options.signal, () => this.#placeOf(request));
    return this.attempt(options.signal, () => this.#at(place.origin).open(at(request, place)));
  }

  async readBytes(path: string, options: ReadOptions): Promise<Buffer> {
    if (isEmptyRange(options)) return Buffer.alloc(0);
    const { status, body } = await this.send(this.request("GET", path, rangeHeaders(options), options));
    const isPart = options.start !== undefined || options.end !== undefined;
    // A server without ranges sends all of it.
    return isPart && status === 200 ? body.subarray(options.start ?? 0, options.end) : body;
  }

  async download(path: string, to: string, options: DownloadOptions): Promise<Downloaded> {
    const attempt: InOrder["attempt"] = (work) => this.attempt(options.signal, work);
    const pour: InOrder["pour"] = async (rest, accept) => {
      const request = this.request("GET", path, { ...restHeaders(rest), ...ifSame(rest) }, options);
      const alsoNoRange = { ...request, accept: rest === undefined ? [] : [NO_RANGE] };
      const answer = await this.sendOnce(alsoNoRange, (status, headers) => {
        if (status === 206 && rest === undefined)
          throw this.problem(path, `the server gave a part of '${this.url(path)}', not all of it`, {});
        return accept(comingIn(status, headers, rest)) ?? NOTHING;
      });
      if (rest !== undefined && answer.status === NO_RANGE) accept({ ...rest, start: undefined });
    };
    const otherSize: InOrder["otherSize"] = (received, expected) => {
      const what = `'${this.url(path)}' came with ${String(received)} bytes instead of ${String(expected)}`;
      return this.problem(path, what, { retryable: received < expected });
    };
    return downloadInOrder(to, { attempt, pour, otherSize }, options);
  }

  /** Sends a file in one request, once. @returns its bytes. @throws {CorruptObjectError} for bytes of another hash than wanted */
  async upload({ source, path, method, checkFirst }: WebUpload, options: WriteOptions): Promise<number> {
    const url = this.url(path);
    if ("file" in source && source.size > IN_MEMORY) {
      if (checkFirst) checkHash(url, await md5OfFile(source.file, source.size), options);
      const request = this.request(method, path, OCTETS, options);
      const send = (body: StreamBody): Promise<unknown> => this.sendOnce({ ...request, body });
      await sendFile(source, url, options, send);
      return source.size;
    }
    const body = "bytes" in source ? source.bytes : await readFile(source.file);
    checkHash(url, md5Hex(body), options);
    await this.sendOnce({ ...this.request(method, path, OCTETS, options), body });
    options.onBytes?.(body.byteLength);
    return body.byteLength;
  }

  problem(
    path: string,
    message: string,
    more: { readonly code?: ErrorCode; readonly retryable?: boolean; readonly cause?: unknown; readonly hint?: string },
  ): StorageError {
    return new StorageError(message, { protocol: this.#service.protocol, path, ...more });
  }

  close(): void {
    for (const service of this.#origins.values()) service.close();
  }

  /** Where the file is, after redirects. */
  async #placeOf(request: CloudRequest): Promise<URL> {
    let place = new URL(request.about);
    for (let hop = 0; hop <= MAX_HOPS; hop++) {
      const asked = { ...at(request, place), method: "HEAD", accept: [...REDIRECTS, ...NO_HEAD] } as const;
      const answer = await this.#at(place.origin).receive(asked);
      if (!REDIRECTS.has(answer.status)) return place;
      place = this.#next(place, answer, request.about);
    }
    throw this.#endless(request.about);
  }

  #endless(about: string): StorageError {
    return this.problem(about, `'${about}' redirects without end`, {});
  }

  #next(from: URL, { headers }: CloudAnswer, about: string): URL {
    const to = headers["location"];
    const next = to !== undefined && URL.canParse(to, from.href) ? new URL(to, from) : undefined;
    const isDowngrade = from.protocol === "https:" && next?.protocol !== "https:";
    if (next === undefined || isDowngrade || !/^https?:$/.test(next.protocol))
      throw this.problem(about, `'${about}' redirects to '${to ?? ""}', which is not followed`, {});
    return next;
  }

  #at(origin: string): CloudHttp {
    let service = this.#origins.get(origin);
    if (service === undefined) {
      const { protocol, base, env, tls, connectTimeoutMs, readTimeoutMs, login } = this.#service;
      const isOwn = origin === base.origin;
      service = new CloudHttp({
        protocol,
        base: new URL(origin),
        env,
        // Another server gets no certificate of ours either.
        tls: isOwn ? tls : withoutCertificate(tls),
        connectTimeoutMs,
        readTimeoutMs,
        authorize: async (_request, headers) => {
          if (isOwn) Object.assign(headers, await login.headers());
        },
        errorOf: ({ about, method }, { status }) => webFailure(this.#service, about, status, method),
      });
      this.#origins.set(origin, service);
    }
    return service;
  }
}

/** A weak ETag names nothing that a part could belong to: then the answer is compared. */
function ifSame(rest: Begun | undefined): Record<string, string> {
  return rest === undefined || rest.etag.startsWith("W/") ? {} : { "if-range": rest.etag };
}

/** Apache calls the ETag of a file weak that was written within the last second. */
function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}

function comingIn(status: number, headers: AnswerHeaders, rest: Begun | undefined): Coming {
  const etag = headers["etag"] ?? headers["last-modified"];
  const place = placeOfAnswer(status, headers, rest);
  if (place !== 0 && rest !== undefined) {
    const isSame = etag === undefined || opaque(etag) === opaque(rest.etag);
    return { ...rest, start: isSame ? place : undefined };
  }
  // Of a compressed body nobody knows what is in it.
  if (headers["content-encoding"] !== undefined) return { start: 0, size: undefined, etag: undefined };
  const length = Number(headers["content-length"] ?? NaN);
  return { start: 0, size: Number.isFinite(length) ? length : undefined, etag };
}

function at(request: CloudRequest, place: URL): CloudRequest {
  return { ...request, path: place.pathname + place.search };
}

function withoutCertificate({ cert: _cert, key: _key, ...tls }: TlsChoice): TlsChoice {
  return tls;
}
