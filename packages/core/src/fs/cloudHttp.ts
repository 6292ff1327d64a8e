import type { IncomingMessage } from "node:http";
import type { StorageError } from "../base/errors.ts";
import type { Protocol } from "./filesystem.ts";
import type { SinkOf } from "./httpAnswer.ts";
import { collect, plainHeaders } from "./httpBody.ts";
import { type HttpAnswer, type HttpCall, HttpTransport, MAX_ERROR_BYTES } from "./httpTransport.ts";
import { proxyRefused } from "./httpTunnel.ts";
import { DEFAULT_RETRY, retrying, type RetryPolicy, withRetryAfter } from "./retry.ts";
import type { StreamBody } from "./streamBody.ts";
import type { TlsChoice } from "./tlsChoice.ts";
import { bareHost } from "./hostName.ts";

/** One call. `path` is encoded and may hold a query; `about`: what it is about, for messages (`gs://bucket/key`). */
export interface CloudRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "PATCH" | "PROPFIND" | "MKCOL" | "MOVE";
  readonly path: string;
  readonly about: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | StreamBody;
  readonly signal?: AbortSignal | undefined;
  /** Statuses besides 2xx that are answers, not failures. */
  readonly accept?: readonly number[];
}

/** A whole answer; `body` is empty where a sink took it. */
export type CloudAnswer = HttpAnswer;

/** How a service is reached and what its failures mean. */
export interface CloudService {
  readonly protocol: Protocol;
  /** Scheme, host and port; a path is the caller's. */
  readonly base: URL;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Default: certificates are checked against the system's authorities. */
  readonly tls?: TlsChoice;
  /** Adds what authorises the request; called anew for each try. */
  readonly authorize: (request: CloudRequest, headers: Record<string, string>) => Promise<void> | void;
  readonly errorOf: (request: CloudRequest, answer: CloudAnswer) => StorageError;
}

/** A lean client of one service: authorises, judges the status, tries again what may pass. Rejects with StorageError only. */
export class CloudHttp {
  readonly #service: CloudService;
  readonly #policy: RetryPolicy;
  readonly #transport: HttpTransport;

  constructor(service: CloudService, policy: RetryPolicy = DEFAULT_RETRY) {
    this.#service = service;
    this.#policy = policy;
    const { protocol, base, env, connectTimeoutMs, readTimeoutMs, tls = {} } = service;
    const secure = base.protocol === "https:";
    this.#transport = new HttpTransport({ protocol, secure, env, connectTimeoutMs, readTimeoutMs, tls: () => tls });
  }

  /** Sends and collects the whole answer, which must be small; tries again as the policy says. */
  send(request: CloudRequest): Promise<CloudAnswer> {
    return this.attempt(request.signal, () => this.receive(request));
  }

  /** Tries `work` again as the policy says. */
  attempt<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return retrying(this.#policy, signal, work);
  }

  /** Sends once; a good answer's body goes into the sink that `sinkOf` gives. @throws {StorageError}, or what the sink threw. */
  async receive(request: CloudRequest, sinkOf?: SinkOf): Promise<CloudAnswer> {
    request.signal?.throwIfAborted();
    const answer = await this.#transport.receive(await this.#call(request), sinkOf);
    if (isGood(answer.status, request)) return answer;
    throw this.#refusal(request, answer);
  }

  /** Sends once and gives the answer's stream, which must be read or destroyed. */
  async open(request: CloudRequest): Promise<IncomingMessage> {
    const response = await this.#transport.open(await this.#call(request));
    const status = response.statusCode ?? 0;
    if (isGood(status, request)) return response;
    const of = { about: request.about, protocol: this.#service.protocol };
    const body = await collect(response, of, MAX_ERROR_BYTES);
    throw this.#refusal(request, { status, headers: plainHeaders(response), body });
  }

  close(): void {
    this.#transport.close();
  }

  async #call(request: CloudRequest): Promise<HttpCall> {
    const { base } = this.#service;
    const { method, path, body, signal, about } = request;
    const headers: Record<string, string> = { host: base.host, ...request.headers };
    await this.#service.authorize(request, headers);
    return { method, host: bareHost(base.hostname), port: portOf(base), path, headers, body, signal, about };
  }

  #refusal(request: CloudRequest, answer: CloudAnswer): StorageError {
    if (answer.status === 407) return proxyRefused(answer.status, request.about, this.#service.protocol);
    return withRetryAfter(this.#service.errorOf(request, answer), answer.headers);
  }
}

function isGood(status: number, { accept }: CloudRequest): boolean {
  return (status >= 200 && status < 300) || accept?.includes(status) === true;
}

function portOf(base: URL): string {
  return base.port || (base.protocol === "https:" ? "443" : "80");
}
