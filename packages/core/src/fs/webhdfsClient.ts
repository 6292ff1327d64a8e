import type { IncomingMessage } from "node:http";
import { type ErrorCode, StorageError } from "../base/errors.ts";
import { type CloudAnswer, CloudHttp, type CloudRequest } from "./cloudHttp.ts";
import type { SinkOf } from "./httpAnswer.ts";
import { jsonAnswer, type Shape } from "./jsonAnswer.ts";
import type { StreamBody } from "./streamBody.ts";
import type { WebHdfsSettings } from "./webhdfsSettings.ts";

const PREFIX = "/webhdfs/v1";
const CONNECT_MS = 20_000;
const READ_MS = 60_000;

/** One operation of WebHDFS on an absolute path. */
export interface HdfsCall {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly op: string;
  readonly path: string;
  readonly parameters?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

/** The one field of an answer. */
export interface HdfsField {
  readonly name: string;
  readonly shape: Shape;
}

/** What the server calls a failure, and what that means. */
const MEANINGS: Readonly<Record<string, { readonly code: ErrorCode; readonly retryable?: boolean }>> = {
  FileNotFoundException: { code: "not-found" },
  AccessControlException: { code: "auth" },
  SecurityException: { code: "auth" },
  AuthorizationException: { code: "auth" },
  InvalidToken: { code: "auth" },
  StandbyException: { code: "storage", retryable: true },
  RetriableException: { code: "storage", retryable: true },
  SafeModeException: { code: "storage", retryable: true },
};

/**
 * A client of WebHDFS: one service answers for names, others, to which it redirects, for bytes.
 * Source: Apache Hadoop, "WebHDFS REST API". Rejects with StorageError only.
 */
export class WebHdfsClient {
  readonly #settings: WebHdfsSettings;
  readonly #services: Map<string, CloudHttp> = new Map<string, CloudHttp>();

  constructor(settings: WebHdfsSettings) {
    this.#settings = settings;
  }

  /** `webhdfs://host:port/path`, `hdfs://host:port/path`. */
  url(path: string): string {
    const { protocol, host } = this.#settings.shown;
    return `${protocol}://${host}${path.startsWith("/") ? "" : "/"}${path}`;
  }

  /** Asks the NameNode; the answer is JSON that holds what `field` says, or it is empty. Tries again what may pass. */
  async ask(call: HdfsCall, field?: HdfsField): Promise<unknown> {
    return this.attempt(call.signal, async () => {
      const { body } = await this.#nameNode().receive(this.#request(call));
      return body.byteLength === 0 && field === undefined ? undefined : this.parsed(call, body, field);
    });
  }

  /** An answer as JSON. @throws {StorageError} */
  parsed(call: HdfsCall, body: Buffer, field?: HdfsField): unknown {
    const of = {
      about: this.url(call.path),
      protocol: this.#settings.shown.protocol,
      hint: `Is it WebHDFS that listens at ${this.#settings.base.host}?`,
    };
    if (field === undefined) return jsonAnswer(body, {}, [], of);
    return jsonAnswer(body, { [field.name]: field.shape }, [field.name], of);
  }

  /** Tries `work` again as the policy says. */
  attempt<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.#nameNode().attempt(signal, work);
  }

  /** Fetches bytes once, into a sink or as a whole. */
  async fetch(call: HdfsCall, sinkOf?: SinkOf): Promise<CloudAnswer> {
    const place = await this.#whereTo(call);
    return this.#service(place.origin).receive(this.#atPlace(call, place), sinkOf);
  }

  /** Fetches bytes once as a stream, which must be read or destroyed. */
  async open(call: HdfsCall): Promise<IncomingMessage> {
    const place = await this.#whereTo(call);
    return this.#service(place.origin).open(this.#atPlace(call, place));
  }

  /** Sends bytes once. */
  async send(call: HdfsCall, body: Uint8Array | StreamBody): Promise<void> {
    const place = await this.#whereTo(call);
    const headers = { "content-type": "application/octet-stream" };
    await this.#service(place.origin).receive({ ...this.#atPlace(call, place), headers, body });
  }

  close(): void {
    for (const service of this.#services.values()) service.close();
  }

  #nameNode(): CloudHttp {
    return this.#service(this.#settings.base.origin);
  }

  #service(origin: string): CloudHttp {
    let service = this.#services.get(origin);
    if (service === undefined) {
      const { base, authorization, env, tls } = this.#settings;
      service = new CloudHttp({
        protocol: this.#settings.shown.protocol,
        base: new URL(origin),
        env,
        connectTimeoutMs: CONNECT_MS,
        readTimeoutMs: READ_MS,
        tls,
        authorize: (_request, headers) => {
          if (authorization !== undefined && origin === base.origin) headers["authorization"] = authorization;
        },
        errorOf: ({ about }, { status, body }) => this.#failure(about, status, body.toString("utf8")),
      });
      this.#services.set(origin, service);
    }
    return service;
  }

  #request({ method, op, path, parameters, signal }: HdfsCall): CloudRequest {
    const query = new URLSearchParams({ op });
    for (const [name, value] of Object.entries({ ...parameters, ...this.#settings.identity }))
      if (value !== undefined) query.set(name, value);
    const encoded = path.split("/").map(encodeURIComponent).join("/");
    return { method, path: `${PREFIX}${encoded}?${query.toString()}`, about: this.url(path), signal };
  }

  /** The place that the bytes go to or come from; a gateway that serves them itself names itself. */
  async #whereTo(call: HdfsCall): Promise<URL> {
    const request = this.#request(call);
    const { status, headers } = await this.#nameNode().receive({ ...request, accept: [307] }, () => () => false);
    const said = headers["location"];
    if (status !== 307 || said === undefined) return new URL(request.path, this.#settings.base);
    const { dataProxy } = this.#settings;
    const location =
      dataProxy !== undefined && said.startsWith(dataProxy.from)
        ? dataProxy.to + said.slice(dataProxy.from.length)
        : said;
    const place = URL.canParse(location) ? new URL(location) : undefined;
    if (place?.protocol === "http:" || place?.protocol === "https:") return place;
    throw new StorageError(`the server sends '${call.path}' to '${location}', which is no place`, this.#at(call.path));
  }

  #atPlace(call: HdfsCall, place: URL): CloudRequest {
    const { method, signal, path } = call;
    return { method, path: place.pathname + place.search, about: this.url(path), signal };
  }

  #at(path: string): { readonly protocol: string; readonly path: string } {
    return { protocol: this.#settings.shown.protocol, path: path.startsWith("/") ? this.url(path) : path };
  }

  #failure(path: string, status: number, body: string): StorageError {
    const { exception, message } = remoteException(body);
    const meaning = exception === undefined ? undefined : MEANINGS[exception];
    const at = this.#at(path);
    const said = message?.split("\n")[0] ?? `HTTP ${String(status)}`;
    const code =
      meaning?.code ?? (status === 404 ? "not-found" : status === 401 || status === 403 ? "auth" : "storage");
    const text = code === "not-found" ? `'${at.path}' does not exist` : `'${at.path}': ${said}`;
    return new StorageError(text, {
      ...at,
      code,
      retryable: meaning?.retryable ?? (meaning === undefined && (status >= 500 || status === 429)),
      ...(code === "auth"
        ? { hint: "Check the user, password or token of the remote, and the permissions of the folder." }
        : {}),
    });
  }
}

function remoteException(body: string): { readonly exception?: string; readonly message?: string } {
  try {
    const { RemoteException: said } = JSON.parse(body) as {
      RemoteException?: { exception?: string; message?: string };
    };
    return said ?? {};
  } catch {
    return {};
  }
}
