import { readFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { ConfigError, StorageError } from "../base/errors.ts";
import { DEFAULT_RETRY, retrying, type RetryPolicy } from "./retry.ts";
import type { AnswerHeaders, BodySink, SinkOf } from "./s3Answer.ts";
import { keySource, type KeySource } from "./s3Credentials.ts";
import { connectionError, s3Error } from "./s3Errors.ts";
import { proxyFor, type Proxy } from "./s3Proxy.ts";
import type { S3Settings } from "./s3Settings.ts";
import { EMPTY_SHA256, encodeKey, encodeQuery, S3Signer, sha256Hex, UNSIGNED_PAYLOAD } from "./s3Sign.ts";
import { proxyRefused, TunnelAgent } from "./s3Tunnel.ts";
import { Wire, type WireAnswer, type WireError } from "./s3Wire.ts";
import { xmlText } from "./s3Xml.ts";

/** One call. `key` without a leading "/"; undefined: the bucket itself. */
export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly bucket: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/** A whole answer with a good status. */
export interface S3Answer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** Empty where a sink took it. */
  readonly body: Buffer;
}

/** What a request was signed with: by the time its answer comes, another answer may have taught better. */
interface Assumptions {
  readonly region: string;
  readonly skewMs: number;
}

/** A request ready to be sent. */
interface Prepared {
  readonly method: string;
  readonly host: string;
  readonly port: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The proxy that it goes to, or through; `host`, `port` and `path` are as that needs them. */
  readonly proxy: Proxy | undefined;
}

const MAX_SOCKETS = 64;
const MAX_ERROR_BYTES = 1 << 20;
const REDIRECTS = 3;

/**
 * A lean signed client over kept connections: plain ones of our own (`Wire`), TLS through `node:https` (0.5 ms of CPU a
 * request, the SDK takes 3.5). Follows a bucket to its region, corrects a wrong clock, tries again what may pass. Rejects
 * with StorageError only.
 */
export class S3Client {
  readonly #settings: S3Settings;
  readonly #keys: KeySource;
  readonly #signer: S3Signer = new S3Signer();
  readonly #policy: RetryPolicy;
  readonly #secure: boolean;
  readonly #agents: Map<Proxy | undefined, HttpAgent> = new Map<Proxy | undefined, HttpAgent>();
  readonly #proxies: Map<string, Proxy | undefined> = new Map<string, Proxy | undefined>();
  readonly #wires: Map<string, Wire> = new Map<string, Wire>();
  readonly #regions: Map<string, string> = new Map<string, string>();
  /** Buckets that were asked for their region, whether they told it or not. */
  readonly #asked: Set<string> = new Set<string>();
  readonly #asking: Map<string, Promise<void>> = new Map<string, Promise<void>>();
  #skewMs = 0;

  constructor(settings: S3Settings, policy: RetryPolicy = DEFAULT_RETRY) {
    this.#settings = settings;
    this.#keys = keySource(settings);
    this.#policy = settings.maxAttempts === undefined ? policy : { ...policy, attempts: settings.maxAttempts };
    this.#secure = settings.endpoint === undefined ? settings.useSsl : settings.endpoint.protocol === "https:";
  }

  /** Whether the connection is encrypted, so that bodies need no signature of their own. */
  get secure(): boolean {
    return this.#secure;
  }

  /** Sends and collects the whole answer, which must be small. */
  async send(request: S3Request): Promise<S3Answer> {
    return this.attempt(request.signal, () => this.receive(request));
  }

  /**
   * Sends once and reads the answer, a good one's body into the sink that `sinkOf` gives.
   * @throws {StorageError}, or what the sink threw.
   */
  async receive(request: S3Request, sinkOf?: SinkOf): Promise<S3Answer> {
    for (let hop = 0; ; hop++) {
      const used = await this.#assumptions(request);
      const answer = await this.#receiveOnce(await this.#prepare(request, used), request, sinkOf);
      if (answer.status >= 200 && answer.status < 300) return answer;
      await this.#learnOrThrow(hop, request, answer, used);
    }
  }

  /** `s3://bucket/key`, for messages. */
  nameOf(request: { readonly bucket: string; readonly key?: string }): string {
    return urlOf(request);
  }

  /** Tries `work` again as the policy says; for callers that read a stream and must begin anew when it breaks. */
  attempt<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return retrying(this.#policy, signal, work);
  }

  /** Sends once and gives the answer's stream; a bad status rejects. The stream must be read or destroyed. */
  async open(request: S3Request): Promise<IncomingMessage> {
    for (let hop = 0; ; hop++) {
      const used = await this.#assumptions(request);
      const response = await this.#exchange(await this.#prepare(request, used), request);
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return response;
      const body = await collect(response, urlOf(request), MAX_ERROR_BYTES);
      await this.#learnOrThrow(hop, request, { status, headers: plainHeaders(response), body }, used);
    }
  }

  /** What answers have told: where buckets lie, how wrong the clock is. */
  learned(): { readonly region?: string; readonly clockSkewMs?: number } {
    const regions = [...new Set(this.#regions.values())];
    const region = regions.length > 0 ? regions.join(", ") : this.#settings.region;
    return {
      ...(region === undefined ? {} : { region }),
      ...(this.#skewMs === 0 ? {} : { clockSkewMs: this.#skewMs }),
    };
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    for (const wire of this.#wires.values()) wire.close();
  }

  /** An answer that says where the bucket lies or what time it is: returns, so that the request is sent again. */
  async #learnOrThrow(hop: number, request: S3Request, answer: S3Answer, used: Assumptions): Promise<void> {
    const { status, headers } = answer;
    const body = answer.body.toString("utf8");
    if (hop < REDIRECTS && this.#correctClock(headers, body, used)) return;
    if (hop < REDIRECTS && (await this.#followRegion(request, answer, used))) return;
    if (status === 407) throw proxyRefused(status, urlOf(request));
    throw s3Error({ status, body, url: urlOf(request), bucket: request.bucket });
  }

  #receiveOnce(options: Prepared, request: S3Request, sinkOf?: SinkOf): Promise<S3Answer> {
    return this.#secure || options.proxy?.secure === true
      ? this.#receiveSecurely(options, request, sinkOf)
      : this.#receivePlainly(options, request, sinkOf);
  }

  async #receivePlainly(options: Prepared, request: S3Request, sinkOf: SinkOf | undefined): Promise<S3Answer> {
    const { signal, body } = request;
    signal?.throwIfAborted();
    const wire = this.#wire(options);
    const sinks = new GuardedSinks(sinkOf);
    const bytes = { head: headText(options), isHead: request.method === "HEAD", body, signal, sinkOf: sinks.sinkOf };
    try {
      return await wire.exchange(bytes).catch((error: unknown): Promise<WireAnswer> => {
        // A kept connection that the server closed meanwhile: not a failure of the server, so no waiting.
        if ((error as WireError).unanswered && signal?.aborted !== true) return wire.exchange(bytes, true);
        throw error;
      });
    } catch (error) {
      signal?.throwIfAborted();
      sinks.rethrow();
      if ((error as WireError).begun) throw cutShort(urlOf(request), error);
      throw this.#connectionError(error as Error, options, request);
    }
  }

  #wire({ host, port }: Prepared): Wire {
    const name = `${host}:${port}`;
    let wire = this.#wires.get(name);
    if (wire === undefined) {
      const { connectTimeoutMs, readTimeoutMs } = this.#settings;
      wire = new Wire({ host, port: Number(port), connectTimeoutMs, readTimeoutMs });
      this.#wires.set(name, wire);
    }
    return wire;
  }

  async #receiveSecurely(options: Prepared, request: S3Request, sinkOf: SinkOf | undefined): Promise<S3Answer> {
    const response = await this.#exchange(options, request);
    const status = response.statusCode ?? 0;
    const headers = plainHeaders(response);
    const sink = status < 300 ? sinkOf?.(status, headers) : undefined;
    if (sink !== undefined) await pour(response, urlOf(request), sink);
    const body =
      sink === undefined
        ? await collect(response, urlOf(request), status < 300 ? Infinity : MAX_ERROR_BYTES)
        : Buffer.alloc(0);
    return { status, headers, body };
  }

  async #assumptions({ bucket, signal }: S3Request): Promise<Assumptions> {
    if (this.#settings.cacheRegions && !this.#asked.has(bucket)) {
      let asking = this.#asking.get(bucket);
      if (asking === undefined) {
        asking = this.#askRegion(bucket, "us-east-1", signal).finally(() => this.#asking.delete(bucket));
        this.#asking.set(bucket, asking);
      }
      await asking;
    }
    const region = this.#regions.get(bucket) ?? this.#settings.region ?? "us-east-1";
    return { region, skewMs: this.#skewMs };
  }

  async #exchange(options: Prepared, request: S3Request): Promise<IncomingMessage> {
    try {
      return await this.#transmit(options, request);
    } catch (error) {
      request.signal?.throwIfAborted();
      const failed = error as Error & { reused?: boolean };
      // A kept connection that the server closed meanwhile: not a failure of the server, so no waiting.
      if (failed.reused === true && (failed as NodeJS.ErrnoException).code !== "ETIMEDOUT")
        return this.#transmit(options, request).catch((again: unknown) => {
          throw this.#connectionError(again as Error, options, request);
        });
      throw this.#connectionError(failed, options, request);
    }
  }

  #connectionError(error: Error, { host, port, proxy }: Prepared, request: S3Request): StorageError {
    if (error instanceof StorageError) return error;
    const address = proxy === undefined ? `${host}:${port}` : `the proxy ${proxy.host}:${String(proxy.port)}`;
    return connectionError(error, address, urlOf(request));
  }

  #transmit(options: Prepared, { body, signal }: S3Request): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { proxy, ...target } = options;
      const isSecure = this.#secure || proxy?.secure === true;
      const sent = (isSecure ? httpsRequest : httpRequest)({ ...target, agent: this.#agent(proxy) }, resolve);
      const abort = (): void => void sent.destroy(signal?.reason as Error);
      signal?.addEventListener("abort", abort, { once: true });
      sent.once("close", () => signal?.removeEventListener("abort", abort));
      sent.once("timeout", () => sent.destroy(timeoutError(this.#settings.readTimeoutMs)));
      sent.once("socket", (socket) => {
        if (!socket.connecting) return;
        const limit = this.#settings.connectTimeoutMs;
        const timer = setTimeout(() => sent.destroy(timeoutError(limit)), limit);
        const stop = (): void => {
          clearTimeout(timer);
        };
        socket.once("connect", stop).once("close", stop);
      });
      sent.once("error", (error) => {
        reject(Object.assign(error, { reused: sent.reusedSocket }));
      });
      sent.end(body);
    });
  }

  async #prepare(request: S3Request, used: Assumptions): Promise<Prepared> {
    const { region } = used;
    const place = this.#place(request, region);
    const query = request.query === undefined ? "" : encodeQuery(request.query);
    const headers: Record<string, string> = { host: place.hostHeader, ...request.headers };
    const keys = await this.#keys();
    if (keys !== undefined) {
      const payload = this.#payload(request.body);
      const { method } = request;
      this.#signer.sign(
        { method, path: place.path, query, headers, payload },
        keys,
        region,
        new Date(Date.now() + used.skewMs),
      );
    }
    if (request.body !== undefined || request.method === "PUT" || request.method === "POST")
      headers["content-length"] = String(request.body?.byteLength ?? 0);
    const proxy = this.#proxyTo(place);
    const path = query === "" ? place.path : `${place.path}?${query}`;
    const { method } = request;
    if (proxy === undefined || this.#secure) {
      checkHeaders(headers);
      return { method, host: place.host, port: place.port, path, headers, proxy };
    }
    if (proxy.authorization !== undefined) headers["proxy-authorization"] = proxy.authorization;
    checkHeaders(headers);
    const whole = `http://${place.hostHeader}${path}`;
    return { method, host: proxy.host, port: String(proxy.port), path: whole, headers, proxy };
  }

  #proxyTo({ host, port }: { readonly host: string; readonly port: string }): Proxy | undefined {
    const name = `${host}:${port}`;
    if (!this.#proxies.has(name))
      this.#proxies.set(name, proxyFor(this.#settings.env, this.#secure ? "https" : "http", host, port));
    return this.#proxies.get(name);
  }

  #agent(proxy: Proxy | undefined): HttpAgent {
    let agent = this.#agents.get(proxy);
    if (agent === undefined) this.#agents.set(proxy, (agent = makeAgent(this.#settings, this.#secure, proxy)));
    return agent;
  }

  /** Over TLS the bytes need no signature; over plain HTTP it is what keeps them from being changed on the way. */
  #payload(body: Uint8Array | undefined): string {
    if (body === undefined || body.byteLength === 0) return EMPTY_SHA256;
    return this.#secure ? UNSIGNED_PAYLOAD : sha256Hex(body);
  }

  #place(request: S3Request, region: string): { host: string; port: string; hostHeader: string; path: string } {
    const { endpoint } = this.#settings;
    const base = endpoint ?? new URL(`${this.#secure ? "https" : "http"}://s3.${region}.${amazonDomain(region)}`);
    const prefix = base.pathname.replace(/\/+$/, "");
    const key = request.key === undefined ? "" : `/${encodeKey(request.key)}`;
    const virtual = !this.#settings.pathStyle && isHostName(request.bucket, this.#secure);
    const host = virtual ? `${request.bucket}.${base.hostname}` : base.hostname;
    return {
      host: host.replace(/^\[(.*)\]$/, "$1"),
      port: base.port || (this.#secure ? "443" : "80"),
      hostHeader: base.port === "" ? host : `${host}:${base.port}`,
      path: virtual ? prefix + (key || "/") : `${prefix}/${encodeKey(request.bucket)}${key}`,
    };
  }

  /** A bucket in another region says which, or is asked; its next requests go there. */
  async #followRegion(request: S3Request, { status, headers, body }: S3Answer, used: Assumptions): Promise<boolean> {
    if (status !== 301 && status !== 307 && status !== 400) return false;
    const { bucket, signal, method } = request;
    const said = regionOf(headers) ?? regionName(xmlText(body.toString("utf8"), "Region"));
    if (said !== undefined) this.#regions.set(bucket, said);
    // The answer to a HEAD has no words.
    else if (status === 301 || method === "HEAD") await this.#askRegion(bucket, used.region, signal);
    return (this.#regions.get(bucket) ?? used.region) !== used.region;
  }

  /** Asks a bucket for its region. It is told even to those who may not enter. */
  async #askRegion(bucket: string, region: string, signal: AbortSignal | undefined): Promise<void> {
    const request: S3Request = { method: "HEAD", bucket, signal };
    const { headers } = await this.#receiveOnce(
      await this.#prepare(request, { region, skewMs: this.#skewMs }),
      request,
    );
    this.#asked.add(bucket);
    const found = regionOf(headers);
    if (found !== undefined) this.#regions.set(bucket, found);
  }

  #correctClock(headers: AnswerHeaders, body: string, used: Assumptions): boolean {
    if (xmlText(body, "Code") !== "RequestTimeTooSkewed") return false;
    const skew = Date.parse(headers["date"] ?? "") - Date.now();
    if (!Number.isFinite(skew) || Math.abs(skew - used.skewMs) < 60_000) return false;
    this.#skewMs = skew;
    return true;
  }
}

function regionOf(headers: AnswerHeaders): string | undefined {
  return regionName(headers["x-amz-bucket-region"]);
}

/** It becomes part of a host name. */
function regionName(text: string | undefined): string | undefined {
  return text !== undefined && /^[a-z0-9-]+$/.test(text) ? text : undefined;
}

/** `s3://bucket/key`: how a person writes it. */
export function urlOf(request: { readonly bucket: string; readonly key?: string }): string {
  return `s3://${request.bucket}${request.key === undefined ? "" : `/${request.key}`}`;
}

/** The whole of an answer. @throws {StorageError} retryable, when the connection breaks or the answer is cut short. */
export async function collect(response: IncomingMessage, url: string, limit: number = Infinity): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
    }
  } catch (cause) {
    throw cutShort(url, cause);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

/** What may stand in a header; anything else could end it early. */
const NO_HEADER_TEXT = /[^\t\x20-\x7e\x80-\xff]/;

function headText({ method, path, headers }: Prepared): string {
  let text = `${method} ${path} HTTP/1.1\r\n`;
  for (const name in headers) text += `${name}: ${headers[name] as string}\r\n`;
  return text + "\r\n";
}

/** The value is not told: it may be a secret. */
function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const name in headers) {
    if (NO_HEADER_TEXT.test(headers[name] as string))
      throw new ConfigError(`the value for the header '${name}' cannot be sent`);
  }
}

function plainHeaders({ headers }: IncomingMessage): AnswerHeaders {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (typeof value === "string") plain[name] = value;
  return plain;
}

/** Keeps what a sink throws (a full disk) apart from failures of the connection. */
class GuardedSinks {
  readonly sinkOf: SinkOf | undefined;
  #thrown: { readonly error: unknown } | undefined;

  constructor(sinkOf: SinkOf | undefined) {
    if (sinkOf === undefined) return;
    this.sinkOf = (status, headers) => {
      const sink = this.#guard(() => sinkOf(status, headers));
      return sink === undefined ? undefined : (chunk) => this.#guard(() => sink(chunk));
    };
  }

  rethrow(): void {
    if (this.#thrown !== undefined) throw this.#thrown.error;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.#thrown = { error };
      throw error;
    }
  }
}

/** Reads a stream to its end, or until `take` says false. @throws {StorageError} retryable, when it breaks. */
async function pour(stream: IncomingMessage, url: string, take: BodySink): Promise<void> {
  let thrown: { readonly error: unknown } | undefined;
  const failed = await new Promise<unknown>((resolve) => {
    const stop = (): void => {
      resolve(undefined);
      if (!stream.complete) stream.destroy();
    };
    stream.on("data", (chunk: Buffer) => {
      if (thrown !== undefined) return;
      try {
        if (take(chunk) === false) stop();
      } catch (error) {
        thrown = { error };
        stop();
      }
    });
    stream.once("end", () => {
      resolve(undefined);
    });
    stream.once("error", resolve);
    stream.once("close", () => {
      resolve(stream.complete ? undefined : new Error("closed"));
    });
  });
  if (thrown !== undefined) throw thrown.error;
  if (failed !== undefined) throw cutShort(url, failed);
}

/** The error for an answer that ended early. */
export function cutShort(url: string, cause?: unknown, protocol: string = "s3"): StorageError {
  return new StorageError(`the answer for '${url}' was cut short`, {
    protocol,
    path: url,
    retryable: true,
    cause,
  });
}

function makeAgent(settings: S3Settings, secure: boolean, proxy: Proxy | undefined): HttpAgent {
  const common = {
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    timeout: settings.readTimeoutMs,
    scheduling: "lifo",
  } as const;
  if (!secure && proxy?.secure !== true) return new HttpAgent(common);
  const { verify } = settings;
  const options =
    typeof verify === "string" ? { ...common, ca: readCa(verify) } : { ...common, rejectUnauthorized: verify };
  if (!secure || proxy === undefined) return new HttpsAgent(options);
  return new TunnelAgent(proxy, options, settings.connectTimeoutMs);
}

function readCa(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConfigError(`the certificate authorities in '${path}' cannot be read`, {
      cause,
      hint: "See `ssl_verify`.",
    });
  }
}

function timeoutError(ms: number): Error {
  return Object.assign(new Error(`no answer within ${String(ms / 1000)} s`), { code: "ETIMEDOUT" });
}

function amazonDomain(region: string): string {
  return region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

/** Whether a bucket may stand in front of the host: a DNS label, and no dots over TLS (certificates have one level). */
function isHostName(bucket: string, secure: boolean): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) &&
    !(secure && bucket.includes(".")) &&
    !/^\d+(\.\d+){3}$/.test(bucket)
  );
}
