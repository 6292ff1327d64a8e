import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { ConfigError, type StorageError } from "../base/errors.ts";
import type { Protocol } from "./filesystem.ts";
import { DEFAULT_RETRY, retrying, type RetryPolicy } from "./retry.ts";
import type { AnswerHeaders, SinkOf } from "./s3Answer.ts";
import { collect, cutShort } from "./s3Client.ts";
import { connectionError } from "./s3Errors.ts";
import { proxyFor, type Proxy } from "./s3Proxy.ts";
import { proxyRefused, TunnelAgent } from "./s3Tunnel.ts";
import { Wire, type WireError } from "./s3Wire.ts";

/** One call. `path` is encoded and may hold a query; `about`: what it is about, for messages (`gs://bucket/key`). */
export interface CloudRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly about: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Statuses besides 2xx that are answers, not failures. */
  readonly accept?: readonly number[];
}

/** A whole answer; `body` is empty where a sink took it. */
export interface CloudAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
}

/** How a service is reached and what its failures mean. */
export interface CloudService {
  readonly protocol: Protocol;
  /** Scheme, host and port; a path is the caller's. */
  readonly base: URL;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Whether and against what certificates are checked; default: the system's authorities. */
  readonly tls?: { readonly rejectUnauthorized?: boolean; readonly ca?: Buffer };
  /** Adds what authorises the request; called anew for each try. */
  readonly authorize: (request: CloudRequest, headers: Record<string, string>) => Promise<void> | void;
  readonly errorOf: (request: CloudRequest, answer: CloudAnswer) => StorageError;
}

const MAX_SOCKETS = 64;
const MAX_ERROR_BYTES = 1 << 20;
const NO_HEADER_TEXT = /[^\t\x20-\x7e\x80-\xff]/;

/** A request ready to be sent, to the service or the proxy before it. */
interface Prepared {
  readonly method: string;
  readonly host: string;
  readonly port: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * A lean client of one cloud service over kept connections: plain ones of our own (`Wire`), TLS through `node:https`;
 * proxies of the environment as for S3. Tries again what may pass. Rejects with StorageError only.
 */
export class CloudHttp {
  readonly #service: CloudService;
  readonly #policy: RetryPolicy;
  readonly #secure: boolean;
  readonly #proxy: Proxy | undefined;
  #wire: Wire | undefined;
  #agent: HttpAgent | undefined;

  constructor(service: CloudService, policy: RetryPolicy = DEFAULT_RETRY) {
    this.#service = service;
    this.#policy = policy;
    this.#secure = service.base.protocol === "https:";
    const { env, base } = service;
    this.#proxy = proxyFor(env, this.#secure ? "https" : "http", hostOf(base), portOf(base));
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
    const prepared = await this.#prepare(request);
    const answer =
      this.#secure || this.#proxy?.secure === true
        ? await this.#receiveSecurely(prepared, request, sinkOf)
        : await this.#receivePlainly(prepared, request, sinkOf);
    if (isGood(answer.status, request)) return answer;
    throw this.#refusal(request, answer);
  }

  /** Sends once and gives the answer's stream, which must be read or destroyed. */
  async open(request: CloudRequest): Promise<IncomingMessage> {
    const response = await this.#exchange(await this.#prepare(request), request);
    const status = response.statusCode ?? 0;
    if (isGood(status, request)) return response;
    const body = await collect(response, request.about, MAX_ERROR_BYTES);
    throw this.#refusal(request, { status, headers: plainHeaders(response), body });
  }

  close(): void {
    this.#wire?.close();
    this.#agent?.destroy();
  }

  #refusal(request: CloudRequest, answer: CloudAnswer): StorageError {
    if (answer.status === 407) return proxyRefused(answer.status, request.about);
    return this.#service.errorOf(request, answer);
  }

  async #prepare(request: CloudRequest): Promise<Prepared> {
    const { base } = this.#service;
    const { method, path, body } = request;
    const headers: Record<string, string> = { host: base.host, ...request.headers };
    if (body !== undefined || method === "PUT" || method === "POST")
      headers["content-length"] = String(body?.byteLength ?? 0);
    await this.#service.authorize(request, headers);
    const proxy = this.#proxy;
    if (proxy?.authorization !== undefined && !this.#secure) headers["proxy-authorization"] = proxy.authorization;
    for (const name in headers) {
      if (NO_HEADER_TEXT.test(headers[name] as string))
        throw new ConfigError(`the value for the header '${name}' cannot be sent`);
    }
    if (proxy === undefined || this.#secure) return { method, host: hostOf(base), port: portOf(base), path, headers };
    return { method, host: proxy.host, port: String(proxy.port), path: `${base.origin}${path}`, headers };
  }

  async #receivePlainly(prepared: Prepared, request: CloudRequest, sinkOf: SinkOf | undefined): Promise<CloudAnswer> {
    const { signal, body, method, about } = request;
    const { connectTimeoutMs, readTimeoutMs } = this.#service;
    const { host, port } = prepared;
    this.#wire ??= new Wire({ host, port: Number(port), connectTimeoutMs, readTimeoutMs });
    const wire = this.#wire;
    let thrown: { readonly error: unknown } | undefined;
    const guard = <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        thrown = { error };
        throw error;
      }
    };
    const guarded: SinkOf = (status, headers) => {
      const sink = guard(() => sinkOf?.(status, headers));
      return sink === undefined ? undefined : (chunk) => guard(() => sink(chunk));
    };
    const bytes = { head: headText(prepared), isHead: method === "HEAD", body, signal, sinkOf: guarded };
    try {
      return await wire.exchange(bytes).catch((error: unknown) => {
        // A kept connection that the server closed meanwhile: not a failure of the server, so no waiting.
        if ((error as WireError).unanswered && signal?.aborted !== true) return wire.exchange(bytes, true);
        throw error;
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (thrown !== undefined) throw thrown.error;
      if ((error as WireError).begun) throw cutShort(about, error, this.#service.protocol);
      throw this.#noAnswer(error as Error, prepared, about);
    }
  }

  async #receiveSecurely(prepared: Prepared, request: CloudRequest, sinkOf: SinkOf | undefined): Promise<CloudAnswer> {
    const response = await this.#exchange(prepared, request);
    const status = response.statusCode ?? 0;
    const headers = plainHeaders(response);
    const sink = status < 300 ? sinkOf?.(status, headers) : undefined;
    if (sink === undefined) {
      const limit = status < 300 ? Infinity : MAX_ERROR_BYTES;
      return { status, headers, body: await collect(response, request.about, limit) };
    }
    const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    for (;;) {
      const step = await chunks.next().catch((cause: unknown) => {
        request.signal?.throwIfAborted();
        throw cutShort(request.about, cause, this.#service.protocol);
      });
      if (step.done === true) break;
      let wants: boolean | undefined;
      try {
        wants = sink(step.value);
      } catch (error) {
        response.destroy();
        throw error;
      }
      if (wants === false) {
        response.destroy();
        break;
      }
    }
    return { status, headers, body: Buffer.alloc(0) };
  }

  async #exchange(prepared: Prepared, request: CloudRequest): Promise<IncomingMessage> {
    for (let again = false; ; again = true) {
      try {
        return await this.#transmit(prepared, request);
      } catch (error) {
        request.signal?.throwIfAborted();
        const failed = error as Error & { reused?: boolean; code?: string };
        if (!again && failed.reused === true && failed.code !== "ETIMEDOUT") continue;
        throw this.#noAnswer(failed, prepared, request.about);
      }
    }
  }

  #transmit(prepared: Prepared, { body, signal }: CloudRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const isSecure = this.#secure || this.#proxy?.secure === true;
      this.#agent ??= this.#makeAgent();
      const sent = (isSecure ? httpsRequest : httpRequest)({ ...prepared, agent: this.#agent }, resolve);
      const abort = (): void => void sent.destroy(signal?.reason as Error);
      signal?.addEventListener("abort", abort, { once: true });
      sent.once("close", () => signal?.removeEventListener("abort", abort));
      sent.once("timeout", () => sent.destroy(tooLong(this.#service.readTimeoutMs)));
      sent.once("socket", (socket) => {
        if (!socket.connecting) return;
        const timer = setTimeout(
          () => sent.destroy(tooLong(this.#service.connectTimeoutMs)),
          this.#service.connectTimeoutMs,
        );
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

  #makeAgent(): HttpAgent {
    const { readTimeoutMs: timeout, connectTimeoutMs, tls } = this.#service;
    const common = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout, scheduling: "lifo", ...tls } as const;
    if (!this.#secure && this.#proxy?.secure !== true) return new HttpAgent(common);
    if (!this.#secure || this.#proxy === undefined) return new HttpsAgent(common);
    return new TunnelAgent(this.#proxy, common, connectTimeoutMs);
  }

  #noAnswer(error: Error, { host, port }: Prepared, about: string): StorageError {
    const address = this.#proxy === undefined ? `${host}:${port}` : `the proxy ${host}:${port}`;
    return connectionError(error, address, about, this.#service.protocol);
  }
}

function isGood(status: number, { accept }: CloudRequest): boolean {
  return (status >= 200 && status < 300) || accept?.includes(status) === true;
}

function hostOf(base: URL): string {
  return base.hostname.replace(/^\[(.*)\]$/, "$1");
}

function portOf(base: URL): string {
  return base.port || (base.protocol === "https:" ? "443" : "80");
}

function headText({ method, path, headers }: Prepared): string {
  let text = `${method} ${path} HTTP/1.1\r\n`;
  for (const name in headers) text += `${name}: ${headers[name] as string}\r\n`;
  return text + "\r\n";
}

function plainHeaders({ headers }: IncomingMessage): AnswerHeaders {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (typeof value === "string") plain[name] = value;
  return plain;
}

function tooLong(ms: number): Error {
  return Object.assign(new Error(`no answer within ${String(ms / 1000)} s`), { code: "ETIMEDOUT" });
}
