import type { IncomingMessage } from "node:http";
import { type CloudAnswer, CloudHttp, type CloudRequest } from "./cloudHttp.ts";
import type { AccessFacts } from "./filesystem.ts";
import type { SinkOf } from "./httpAnswer.ts";
import { ossError } from "./ossErrors.ts";
import type { OssSettings } from "./ossSettings.ts";
import { signOssV1, signOssV4 } from "./ossSign.ts";
import type { ObjectClient, S3Request } from "./s3Client.ts";
import type { S3AnswerError } from "./s3Errors.ts";
import { encodeKey, encodeQuery } from "./s3Sign.ts";

const LIMIT_MS = 60_000;
/** The service takes requests that are at most 15 minutes off. */
const SKEW_MS = 60_000;

/** Aliyun OSS's REST API: S3's requests, signed its own way. Rejects with StorageError only. */
export class OssClient implements ObjectClient {
  readonly protocol = "oss";
  readonly signsBodies = false;
  readonly #settings: OssSettings;
  readonly #buckets: Map<string, CloudHttp> = new Map<string, CloudHttp>();
  #skewMs = 0;

  constructor(settings: OssSettings) {
    this.#settings = settings;
  }

  send(request: S3Request): Promise<CloudAnswer> {
    return this.#at(request.bucket).send(this.#request(request));
  }

  receive(request: S3Request, sinkOf?: SinkOf): Promise<CloudAnswer> {
    return this.#at(request.bucket).receive(this.#request(request), sinkOf);
  }

  open(request: S3Request): Promise<IncomingMessage> {
    return this.#at(request.bucket).open(this.#request(request));
  }

  attempt<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.#at("").attempt(signal, work);
  }

  nameOf({ bucket, key }: { readonly bucket: string; readonly key?: string }): string {
    return `oss://${bucket}${key === undefined ? "" : `/${key}`}`;
  }

  access(): Promise<AccessFacts> {
    const { credentials, keys, endpoint, region } = this.#settings;
    return Promise.resolve({
      credentials,
      endpoint: endpoint.origin,
      ...(keys === undefined ? {} : { identity: `key ${keys.id.slice(0, 4)}…` }),
      ...(region === undefined ? {} : { region }),
      ...(this.#skewMs === 0 ? {} : { clockSkewMs: this.#skewMs }),
    });
  }

  close(): void {
    for (const service of this.#buckets.values()) service.close();
  }

  #request(request: S3Request): CloudRequest {
    const { method, bucket, key = "", query = {}, headers, body, signal } = request;
    const text = encodeQuery(query)
      .split("&")
      // The service wants no "=" where there is no value.
      .map((pair) => pair.replace(/=$/, ""))
      .join("&");
    const path = `${isPlainHost(this.#settings.endpoint) ? `/${encodeKey(bucket)}` : ""}/${encodeKey(key)}`;
    return {
      method,
      path: text === "" ? path : `${path}?${text}`,
      about: this.nameOf(request),
      signal,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    };
  }

  #at(bucket: string): CloudHttp {
    let service = this.#buckets.get(bucket);
    if (service === undefined) {
      const { endpoint, env } = this.#settings;
      const isNamed = bucket !== "" && !isPlainHost(endpoint);
      service = new CloudHttp({
        protocol: "oss",
        base: isNamed ? new URL(`${endpoint.protocol}//${bucket}.${endpoint.host}`) : endpoint,
        env,
        connectTimeoutMs: LIMIT_MS,
        readTimeoutMs: LIMIT_MS,
        authorize: (request, headers) => {
          this.#authorize(isNamed ? `/${encodeKey(bucket)}` : "", request, headers);
        },
        errorOf: (request, answer) => this.#errorOf(request, answer),
      });
      this.#buckets.set(bucket, service);
    }
    return service;
  }

  #authorize(before: string, { method, path }: CloudRequest, headers: Record<string, string>): void {
    const { keys, region } = this.#settings;
    if (keys === undefined) return;
    const [place = "", query = ""] = path.split("?");
    const signable = { method, resource: before + place, query, headers };
    const now = new Date(Date.now() + this.#skewMs);
    if (region === undefined) signOssV1(signable, keys, now);
    else signOssV4(signable, keys, region, now);
  }

  /** A clock that is wrong is corrected once, and the request tried again. */
  #errorOf({ about }: CloudRequest, { status, headers, body }: CloudAnswer): S3AnswerError {
    const error = ossError(about, status, body.toString("utf8"));
    const skew = Date.parse(headers["date"] ?? "") - Date.now();
    if (error.reason !== "RequestTimeTooSkewed" || Number.isNaN(skew)) return error;
    if (Math.abs(skew - this.#skewMs) < SKEW_MS) return error;
    this.#skewMs = skew;
    return ossError(about, 503, "");
  }
}

/** An address or this machine: no bucket's name goes before it. */
function isPlainHost({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname);
}
