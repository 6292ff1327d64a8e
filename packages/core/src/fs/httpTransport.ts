import { Agent as HttpAgent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { ConfigError, StorageError } from "../base/errors.ts";
import type { Protocol } from "./filesystem.ts";
import { type AnswerHeaders, AnswerTooLongError, type SinkOf } from "./httpAnswer.ts";
import { type AnswerOf, collect, collectAll, GuardedSinks, plainHeaders, pour } from "./httpBody.ts";
import { connectionError, cutShort, timeoutError, tooLong } from "./httpFailure.ts";
import { proxyFor, type Proxy } from "./httpProxy.ts";
import { TunnelAgent } from "./httpTunnel.ts";
import { Wire, type WireAnswer, type WireError } from "./httpWire.ts";
import { isStreamBody, type StreamBody } from "./streamBody.ts";
import type { TlsChoice } from "./tlsChoice.ts";

/** One request, ready but for what the way to the server asks for. */
export interface HttpCall {
  readonly method: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: string;
  /** Encoded, with the query. */
  readonly path: string;
  /** All of them, names in lower case, `host` included; the transport adds to them. */
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array | StreamBody | undefined;
  readonly signal?: AbortSignal | undefined;
  /** URL of what it is about, for messages. */
  readonly about: string;
}

/** A whole answer, whatever its status; `body` is empty where a sink took it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
}

/** How servers of one scheme are reached. */
export interface TransportOptions {
  readonly protocol: Protocol;
  readonly secure: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Asked for when the first encrypted connection is made. @throws {ConfigError} */
  readonly tls: () => TlsChoice;
}

/** A request as it is sent to the server, or to the proxy before it. */
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
/** Of the body of an error answer only so much is kept. */
export const MAX_ERROR_BYTES: number = 1 << 20;
/** What may not stand in a header: it could end it early. */
const NO_HEADER_TEXT = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * Requests over kept connections: plain ones of our own (`Wire`), TLS through `node:https`; through the proxies that the
 * environment names. Sends once; whether to try again, and what a status means, is the caller's affair.
 */
export class HttpTransport {
  readonly #options: TransportOptions;
  readonly #agents: Map<Proxy | undefined, HttpAgent> = new Map<Proxy | undefined, HttpAgent>();
  readonly #proxies: Map<string, Proxy | undefined> = new Map<string, Proxy | undefined>();
  readonly #wires: Map<string, Wire> = new Map<string, Wire>();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * Sends and reads the answer, a body into the sink that `sinkOf` gives.
   * @throws {StorageError}, or what the sink threw.
   */
  async receive(call: HttpCall, sinkOf?: SinkOf): Promise<HttpAnswer> {
    const prepared = this.#prepare(call);
    const { body } = call;
    return this.#options.secure || prepared.proxy?.secure === true || isStreamBody(body)
      ? this.#receiveByNode(prepared, call, sinkOf)
      : this.#receivePlainly(prepared, { ...call, body }, sinkOf);
  }

  /** Sends and gives the answer's stream, which must be read or destroyed. @throws {StorageError} */
  async open(call: HttpCall): Promise<IncomingMessage> {
    return this.#exchange(this.#prepare(call), call);
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    for (const wire of this.#wires.values()) wire.close();
  }

  #prepare({ method, host, port, path, headers, body }: HttpCall): Prepared {
    const { secure } = this.#options;
    if (body !== undefined || method === "PUT" || method === "POST")
      headers["content-length"] = String(body?.byteLength ?? 0);
    const proxy = this.#proxyTo(host, port);
    const isForwarded = proxy !== undefined && !secure;
    if (isForwarded && proxy.authorization !== undefined) headers["proxy-authorization"] = proxy.authorization;
    checkHeaders(headers);
    if (!isForwarded) return { method, host, port, path, headers, proxy };
    const whole = `http://${headers["host"] ?? host}${path}`;
    return { method, host: proxy.host, port: String(proxy.port), path: whole, headers, proxy };
  }

  #proxyTo(host: string, port: string): Proxy | undefined {
    const name = `${host}:${port}`;
    const { env, secure } = this.#options;
    if (!this.#proxies.has(name)) this.#proxies.set(name, proxyFor(env, secure ? "https" : "http", host, port));
    return this.#proxies.get(name);
  }

  async #receivePlainly(
    prepared: Prepared,
    call: HttpCall & { readonly body: Uint8Array | undefined },
    sinkOf: SinkOf | undefined,
  ): Promise<HttpAnswer> {
    const { signal, body, method, about } = call;
    signal?.throwIfAborted();
    const wire = this.#wire(prepared);
    const sinks = new GuardedSinks(sinkOf);
    const bytes = { head: headText(prepared), isHead: method === "HEAD", body, signal, sinkOf: sinks.sinkOf };
    try {
      return await wire.exchange(bytes).catch((error: unknown): Promise<WireAnswer> => {
        // A kept connection that the server closed meanwhile: not a failure of the server, so no waiting.
        if ((error as WireError).unanswered && signal?.aborted !== true) return wire.exchange(bytes, true);
        throw error;
      });
    } catch (error) {
      signal?.throwIfAborted();
      sinks.rethrow();
      if ((error as WireError).cause instanceof AnswerTooLongError) throw tooLong(about, this.#options.protocol);
      if ((error as WireError).begun) throw cutShort(about, error, this.#options.protocol);
      throw this.#noAnswer(error as Error, prepared, about);
    }
  }

  #wire({ host, port }: Prepared): Wire {
    const name = `${host}:${port}`;
    let wire = this.#wires.get(name);
    if (wire === undefined) {
      const { connectTimeoutMs, readTimeoutMs } = this.#options;
      wire = new Wire({ host, port: Number(port), connectTimeoutMs, readTimeoutMs });
      this.#wires.set(name, wire);
    }
    return wire;
  }

  async #receiveByNode(prepared: Prepared, call: HttpCall, sinkOf: SinkOf | undefined): Promise<HttpAnswer> {
    const response = await this.#exchange(prepared, call);
    const status = response.statusCode ?? 0;
    const headers = plainHeaders(response);
    const of: AnswerOf = { about: call.about, protocol: this.#options.protocol };
    const sink = status < 300 ? sinkOf?.(status, headers) : undefined;
    if (sink !== undefined) await pour(response, of, sink);
    if (sink !== undefined) return { status, headers, body: Buffer.alloc(0) };
    const body = status < 300 ? await collectAll(response, of) : await collect(response, of, MAX_ERROR_BYTES);
    return { status, headers, body };
  }

  async #exchange(prepared: Prepared, call: HttpCall): Promise<IncomingMessage> {
    try {
      return await this.#transmit(prepared, call);
    } catch (error) {
      call.signal?.throwIfAborted();
      const failed = error as Error & { reused?: boolean };
      // A kept connection that the server closed meanwhile: not a failure of the server, so no waiting.
      if (failed.reused === true && (failed as NodeJS.ErrnoException).code !== "ETIMEDOUT")
        return this.#transmit(prepared, call).catch((again: unknown) => {
          throw this.#noAnswer(again as Error, prepared, call.about);
        });
      throw this.#noAnswer(failed, prepared, call.about);
    }
  }

  #noAnswer(error: Error, { host, port, proxy }: Prepared, about: string): StorageError {
    if (error instanceof StorageError) return error;
    const address = proxy === undefined ? `${host}:${port}` : `the proxy ${proxy.host}:${String(proxy.port)}`;
    return connectionError(error, address, about, this.#options.protocol);
  }

  #transmit(prepared: Prepared, { body, signal }: HttpCall): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { proxy, ...target } = prepared;
      const isSecure = this.#options.secure || proxy?.secure === true;
      const sent = (isSecure ? httpsRequest : httpRequest)({ ...target, agent: this.#agent(proxy) }, resolve);
      const abort = (): void => void sent.destroy(signal?.reason as Error);
      signal?.addEventListener("abort", abort, { once: true });
      sent.once("close", () => signal?.removeEventListener("abort", abort));
      sent.once("timeout", () => sent.destroy(timeoutError(this.#options.readTimeoutMs)));
      sent.once("socket", (socket) => {
        if (!socket.connecting) return;
        const limit = this.#options.connectTimeoutMs;
        const timer = setTimeout(() => sent.destroy(timeoutError(limit)), limit);
        const stop = (): void => {
          clearTimeout(timer);
        };
        // A server that is silent in the handshake is not connected yet.
        socket.once(isSecure ? "secureConnect" : "connect", stop).once("close", stop);
      });
      sent.once("error", (error) => {
        reject(Object.assign(error, { reused: sent.reusedSocket }));
      });
      if (isStreamBody(body)) pipeBody(body, sent);
      else sent.end(body);
    });
  }

  #agent(proxy: Proxy | undefined): HttpAgent {
    let agent = this.#agents.get(proxy);
    if (agent === undefined) this.#agents.set(proxy, (agent = this.#makeAgent(proxy)));
    return agent;
  }

  #makeAgent(proxy: Proxy | undefined): HttpAgent {
    const { secure, protocol, connectTimeoutMs, readTimeoutMs: timeout, tls } = this.#options;
    const common = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout, scheduling: "lifo" } as const;
    if (!secure && proxy?.secure !== true) return new HttpAgent(common);
    const options = { ...common, ...tls() };
    if (!secure || proxy === undefined) return new HttpsAgent(options);
    return new TunnelAgent(proxy, options, { connectTimeoutMs, protocol });
  }
}

/** A server that refuses answers before it has taken all: then nothing more is read, and the connection is not kept. */
function pipeBody(body: StreamBody, sent: ClientRequest): void {
  const bytes = body.open();
  bytes.once("error", (error) => sent.destroy(error));
  sent.once("response", (answer) => {
    if (bytes.readableEnded) return;
    bytes.destroy();
    answer.once("close", () => sent.destroy());
  });
  sent.once("close", () => bytes.destroy());
  bytes.pipe(sent);
}

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
