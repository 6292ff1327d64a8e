import type { IncomingMessage } from "node:http";
import type { AccessFacts, Protocol } from "./filesystem.ts";
import type { AnswerHeaders, SinkOf } from "./httpAnswer.ts";
import { collect, plainHeaders } from "./httpBody.ts";
import { type HttpAnswer, type HttpCall, HttpTransport, MAX_ERROR_BYTES } from "./httpTransport.ts";
import { proxyRefused } from "./httpTunnel.ts";
import { readCa } from "./optionValues.ts";
import { DEFAULT_RETRY, retrying, type RetryPolicy, withRetryAfter } from "./retry.ts";
import { describeKeys } from "./s3Access.ts";
import { keySource, type KeySource } from "./s3Credentials.ts";
import { s3Error } from "./s3Errors.ts";
import type { S3Settings } from "./s3Settings.ts";
import { EMPTY_SHA256, encodeKey, encodeQuery, S3Signer, sha256Hex, UNSIGNED_PAYLOAD } from "./s3Sign.ts";
import { xmlText } from "./s3Xml.ts";
import type { TlsChoice } from "./tlsChoice.ts";
import { bareHost } from "./hostName.ts";

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

/** What object storages need of a client: S3's, or another's that takes the same requests. */
export type ObjectClient = Pick<
  S3Client,
  "protocol" | "signsBodies" | "send" | "receive" | "open" | "attempt" | "nameOf" | "access" | "close"
>;

/** What a request was signed with: by the time its answer comes, another answer may have taught better. */
interface Assumptions {
  readonly region: string;
  readonly skewMs: number;
}

const REDIRECTS = 3;

/**
 * A lean signed client over kept connections: plain ones of our own (`Wire`), TLS through `node:https` (0.5 ms of CPU a
 * request, the SDK takes 3.5). Follows a bucket to its region, corrects a wrong clock, tries again what may pass. Rejects
 * with StorageError only.
 */
export class S3Client {
  readonly protocol: Protocol = "s3";
  readonly #settings: S3Settings;
  readonly #keys: KeySource;
  readonly #signer: S3Signer = new S3Signer();
  readonly #policy: RetryPolicy;
  readonly #secure: boolean;
  readonly #transport: HttpTransport;
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
    const { env, connectTimeoutMs, readTimeoutMs } = settings;
    const secure = this.#secure;
    const tls = (): TlsChoice => tlsOf(settings.verify);
    this.#transport = new HttpTransport({ protocol: "s3", secure, env, connectTimeoutMs, readTimeoutMs, tls });
  }

  /** Whether the signature covers the bytes of bodies. Over TLS they need none. */
  get signsBodies(): boolean {
    return !this.#secure;
  }

  /** Sends and collects the whole answer, which must be small. */
  async send(request: S3Request): Promise<HttpAnswer> {
    return this.attempt(request.signal, () => this.receive(request));
  }

  /**
   * Sends once and reads the answer, a good one's body into the sink that `sinkOf` gives.
   * @throws {StorageError}, or what the sink threw.
   */
  async receive(request: S3Request, sinkOf?: SinkOf): Promise<HttpAnswer> {
    for (let hop = 0; ; hop++) {
      const used = await this.#assumptions(request);
      const answer = await this.#transport.receive(await this.#prepare(request, used), sinkOf);
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
      const response = await this.#transport.open(await this.#prepare(request, used));
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return response;
      const body = await collect(response, { about: urlOf(request), protocol: "s3" }, MAX_ERROR_BYTES);
      await this.#learnOrThrow(hop, request, { status, headers: plainHeaders(response), body }, used);
    }
  }

  /** How it is reached, with what answers have told: where buckets lie, how wrong the clock is. @throws {StorageError} */
  async access(): Promise<AccessFacts> {
    const facts = await describeKeys(this.#settings);
    const regions = [...new Set(this.#regions.values())];
    const region = regions.length > 0 ? regions.join(", ") : this.#settings.region;
    return {
      ...facts,
      ...(region === undefined ? {} : { region }),
      ...(this.#skewMs === 0 ? {} : { clockSkewMs: this.#skewMs }),
    };
  }

  close(): void {
    this.#transport.close();
  }

  /** An answer that says where the bucket lies or what time it is: returns, so that the request is sent again. */
  async #learnOrThrow(hop: number, request: S3Request, answer: HttpAnswer, used: Assumptions): Promise<void> {
    const { status, headers } = answer;
    const body = answer.body.toString("utf8");
    if (hop < REDIRECTS && this.#correctClock(headers, body, used)) return;
    if (hop < REDIRECTS && (await this.#followRegion(request, answer, used))) return;
    if (status === 407) throw proxyRefused(status, urlOf(request), "s3");
    throw withRetryAfter(s3Error({ status, body, url: urlOf(request), bucket: request.bucket }), headers);
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

  async #prepare(request: S3Request, used: Assumptions): Promise<HttpCall> {
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
    const path = query === "" ? place.path : `${place.path}?${query}`;
    const { method, body, signal } = request;
    return { method, host: place.host, port: place.port, path, headers, body, signal, about: urlOf(request) };
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
      host: bareHost(host),
      port: base.port || (this.#secure ? "443" : "80"),
      hostHeader: base.port === "" ? host : `${host}:${base.port}`,
      path: virtual ? prefix + (key || "/") : `${prefix}/${encodeKey(request.bucket)}${key}`,
    };
  }

  /** A bucket in another region says which, or is asked; its next requests go there. */
  async #followRegion(request: S3Request, { status, headers, body }: HttpAnswer, used: Assumptions): Promise<boolean> {
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
    const { headers } = await this.#transport.receive(await this.#prepare(request, { region, skewMs: this.#skewMs }));
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
function urlOf(request: { readonly bucket: string; readonly key?: string }): string {
  return `s3://${request.bucket}${request.key === undefined ? "" : `/${request.key}`}`;
}

function tlsOf(verify: S3Settings["verify"]): TlsChoice {
  return typeof verify === "string" ? { ca: readCa(verify) } : { rejectUnauthorized: verify };
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
