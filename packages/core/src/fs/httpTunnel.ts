import { request as httpRequest, type ClientRequestArgs } from "node:http";
import { Agent, request as httpsRequest, type AgentOptions, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { StorageError } from "../base/errors.ts";
import type { Proxy } from "./httpProxy.ts";

type OnConnection = (error: Error | null, stream: Duplex) => void;

/** How long the proxy may take, and the kind of storage behind it, for messages. */
export interface ProxyWay {
  readonly connectTimeoutMs: number;
  readonly protocol: string;
}

/** Encrypted connections to servers through a proxy (`CONNECT`), kept like direct ones. The proxy sees the host's name only. */
export class TunnelAgent extends Agent {
  readonly #proxy: Proxy;
  readonly #way: ProxyWay;
  readonly #verify: Pick<RequestOptions, "ca" | "rejectUnauthorized">;

  constructor(proxy: Proxy, options: AgentOptions, way: ProxyWay) {
    super(options);
    this.#proxy = proxy;
    this.#way = way;
    const { ca, rejectUnauthorized } = options;
    this.#verify = {
      ...(ca === undefined ? {} : { ca }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    };
  }

  override createConnection(options: ClientRequestArgs, done?: OnConnection): undefined {
    const fail = (error: Error): void => done?.(error, undefined as unknown as Duplex);
    const { host, port, secure, authorization } = this.#proxy;
    const target = `${bracketed(String(options.host))}:${String(options.port)}`;
    const connecting = (secure ? httpsRequest : httpRequest)({
      host,
      port,
      method: "CONNECT",
      path: target,
      headers: { host: target, ...(authorization === undefined ? {} : { "proxy-authorization": authorization }) },
      agent: false,
      timeout: this.#way.connectTimeoutMs,
      ...(secure ? this.#verify : {}),
    });
    connecting.once("timeout", () => {
      connecting.destroy(Object.assign(new Error("the proxy does not answer"), { code: "ETIMEDOUT" }));
    });
    connecting.once("connect", ({ statusCode }, socket, head) => {
      socket.setTimeout(0);
      if (statusCode === 200 && head.length === 0) {
        // A socket that is already there is what the encrypted one is laid over.
        done?.(null, super.createConnection({ ...options, socket } as ClientRequestArgs) as Duplex);
        return;
      }
      socket.destroy();
      fail(proxyRefused(statusCode ?? 0, target, this.#way.protocol));
    });
    connecting.once("response", ({ statusCode }) => {
      connecting.destroy();
      fail(proxyRefused(statusCode ?? 0, target, this.#way.protocol));
    });
    connecting.once("error", fail);
    connecting.end();
    return undefined;
  }
}

/** The error for a proxy that does not let a request through. `target`: what was asked for. */
export function proxyRefused(status: number, target: string, protocol: string): StorageError {
  return new StorageError(`the proxy refused the way to ${target} (HTTP ${String(status)})`, {
    protocol,
    path: target,
    code: status === 407 ? "auth" : "storage",
    retryable: status >= 500,
    hint: "Check the environment variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY; a user and password stand in the URL.",
  });
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
