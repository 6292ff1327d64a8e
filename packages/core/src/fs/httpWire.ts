import { setMaxListeners } from "node:events";
import { connect, type Socket } from "node:net";
import { AnswerReader, type AnswerHeaders, type SinkOf } from "./httpAnswer.ts";

/** Where the connections go and how long they may take. */
export interface WireOptions {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
  /** Longest silence while an answer is awaited. */
  readonly readTimeoutMs: number;
}

/** A request as bytes. */
export interface WireRequest {
  /** Request line and headers, with the blank line at the end. */
  readonly head: string;
  readonly isHead: boolean;
  readonly body?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly sinkOf?: SinkOf | undefined;
}

/** An answer; `complete` is false when the sink had enough before its end. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
  readonly complete: boolean;
}

/**
 * An exchange that failed. `unanswered`: a kept connection turned out closed, without a byte of an answer: the request may
 * be sent again at once. Silence is not that: a server that lets one request wait would let the next one wait as long.
 */
export class WireError extends Error {
  readonly unanswered: boolean;
  readonly code: string | undefined;
  /** An answer had begun. */
  readonly begun: boolean;

  constructor(cause: Error, unanswered: boolean, begun: boolean) {
    super(cause.message, { cause });
    this.name = "WireError";
    this.code = (cause as NodeJS.ErrnoException).code;
    this.unanswered = unanswered;
    this.begun = begun;
  }
}

const MAX_SOCKETS = 64;
const READ_BYTES = 256 << 10;
/** How a kept connection that the server has closed shows itself. */
const CLOSED: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ENOTCONN"]);
/** Bodies up to here travel in one write with the head. */
const JOIN_BYTES = 64 << 10;

/**
 * Kept plain connections to one host with next to nothing between the socket and the request: 0.15 ms of CPU for a small
 * object where `node:http` takes 0.5. One request at a time a connection, no pipelining.
 */
export class Wire {
  readonly #options: WireOptions;
  readonly #idle: Connection[] = [];
  readonly #all: Set<Connection> = new Set<Connection>();
  readonly #waiting: Set<() => void> = new Set<() => void>();
  readonly #buffers: Buffer[] = [];
  readonly #signals: WeakSet<AbortSignal> = new WeakSet<AbortSignal>();

  constructor(options: WireOptions) {
    this.#options = options;
  }

  /**
   * Sends one request and reads its answer. `fresh`: over a new connection. Waits while all connections are busy.
   * @throws {WireError}, or the signal's reason when it is aborted before anything was sent.
   */
  async exchange(request: WireRequest, fresh = false): Promise<WireAnswer> {
    const { signal } = request;
    if (signal !== undefined && !this.#signals.has(signal)) {
      // One listener for each request under way is meant, not a leak.
      setMaxListeners(0, signal);
      this.#signals.add(signal);
    }
    const connection = await this.#connection(fresh, signal);
    try {
      return await connection.exchange(request);
    } finally {
      if (connection.isUsable) this.#idle.push(connection);
      else this.#drop(connection);
      this.#wakeNext();
    }
  }

  /** Cuts all connections; requests under way fail. */
  close(): void {
    for (const one of this.#all) this.#drop(one);
  }

  async #connection(fresh: boolean, signal: AbortSignal | undefined): Promise<Connection> {
    let connection = fresh ? undefined : this.#unused();
    while (connection === undefined && this.#all.size >= MAX_SOCKETS) {
      const spare = fresh ? this.#unused() : undefined;
      if (spare !== undefined) this.#drop(spare);
      else {
        await this.#turn(signal);
        if (!fresh) connection = this.#unused();
      }
    }
    return connection ?? this.#open();
  }

  /** Until a request has ended. @throws the signal's reason; the turn goes to the next one then. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      signal?.addEventListener("abort", wake, { once: true });
      this.#waiting.add(wake);
    });
    if (signal?.aborted === true) this.#wakeNext();
    signal?.throwIfAborted();
  }

  #wakeNext(): void {
    for (const wake of this.#waiting) {
      wake();
      return;
    }
  }

  #unused(): Connection | undefined {
    for (let one = this.#idle.pop(); one !== undefined; one = this.#idle.pop()) {
      if (one.isUsable) return one;
      this.#drop(one);
    }
    return undefined;
  }

  #open(): Connection {
    // Some servers close after each answer; a new buffer for each connection would keep the collector busy (2 s in 20,000).
    const buffer = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
    const connection = new Connection(this.#options, buffer, () => {
      this.#drop(connection);
      // Only now: until the handle is closed, Windows may still write into it.
      this.#buffers.push(buffer);
    });
    this.#all.add(connection);
    return connection;
  }

  #drop(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    connection.destroy();
  }
}

interface Pending {
  readonly reader: AnswerReader;
  readonly request: WireRequest;
  readonly resolve: (answer: WireAnswer) => void;
  readonly reject: (error: unknown) => void;
  readonly abort: (() => void) | undefined;
}

class Connection {
  readonly #socket: Socket;
  readonly #readTimeoutMs: number;
  readonly #connectTimer: NodeJS.Timeout;
  #pending: Pending | undefined;
  #served = 0;
  #broken = false;

  constructor(options: WireOptions, buffer: Buffer, onClose: () => void) {
    const { host, port, connectTimeoutMs, readTimeoutMs } = options;
    this.#readTimeoutMs = readTimeoutMs;
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer,
        callback: (count) => {
          this.#receive(buffer.subarray(0, count));
          return true;
        },
      },
    });
    this.#connectTimer = setTimeout(() => {
      this.#fail(timeoutError(connectTimeoutMs));
    }, connectTimeoutMs);
    this.#socket
      .once("connect", () => {
        clearTimeout(this.#connectTimer);
        this.#socket.setTimeout(readTimeoutMs);
      })
      .on("timeout", () => {
        this.#fail(timeoutError(this.#readTimeoutMs));
      })
      .on("error", (error) => {
        this.#fail(error);
      })
      .on("end", () => {
        this.#endOfConnection();
      })
      .on("close", () => {
        this.#endOfConnection();
        onClose();
      });
  }

  get isUsable(): boolean {
    return !this.#broken && this.#pending === undefined;
  }

  exchange(request: WireRequest): Promise<WireAnswer> {
    const { signal, body, head } = request;
    return new Promise((resolve, reject) => {
      const abort =
        signal === undefined
          ? undefined
          : (): void => {
              this.#fail(signal.reason as Error);
            };
      if (abort !== undefined) signal?.addEventListener("abort", abort, { once: true });
      this.#pending = { reader: new AnswerReader(request.isHead, request.sinkOf), request, resolve, reject, abort };
      this.#socket.ref();
      this.#send(head, body);
    });
  }

  destroy(): void {
    this.#broken = true;
    clearTimeout(this.#connectTimer);
    this.#socket.destroy();
  }

  #send(head: string, body: Uint8Array | undefined): void {
    if (body === undefined || body.byteLength === 0) this.#socket.write(head, "latin1");
    else if (body.byteLength <= JOIN_BYTES) {
      const all = Buffer.allocUnsafe(head.length + body.byteLength);
      all.write(head, 0, "latin1");
      all.set(body, head.length);
      this.#socket.write(all);
    } else {
      this.#socket.cork();
      this.#socket.write(head, "latin1");
      this.#socket.write(body);
      this.#socket.uncork();
    }
  }

  #receive(bytes: Buffer): void {
    const pending = this.#pending;
    // Nobody asked: whatever this is, the connection is not to be trusted.
    if (pending === undefined) {
      this.destroy();
      return;
    }
    try {
      if (pending.reader.push(bytes)) this.#finish(pending);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #finish(pending: Pending): void {
    const { reader } = pending;
    this.#served++;
    // An answer that came before the whole request was sent leaves the rest of the body in the way.
    if (!reader.complete || !reader.keepAlive || this.#socket.writableLength > 0) this.destroy();
    else this.#socket.unref();
    this.#release(pending);
    const { status, headers, body, complete } = reader;
    pending.resolve({ status, headers, body, complete });
  }

  #endOfConnection(): void {
    this.#broken = true;
    const pending = this.#pending;
    if (pending === undefined) return;
    if (pending.reader.endOfConnection()) this.#finish(pending);
    else this.#fail(Object.assign(new Error("the connection was cut"), { code: "ECONNRESET" }));
  }

  #fail(error: Error): void {
    this.destroy();
    const pending = this.#pending;
    if (pending === undefined) return;
    const untouched = pending.reader.isUntouched;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    this.#release(pending);
    pending.reject(new WireError(error, untouched && this.#served > 0 && CLOSED.has(code), !untouched));
  }

  #release(pending: Pending): void {
    this.#pending = undefined;
    if (pending.abort !== undefined) pending.request.signal?.removeEventListener("abort", pending.abort);
  }
}

function timeoutError(ms: number): Error {
  return Object.assign(new Error(`no answer within ${String(ms / 1000)} s`), { code: "ETIMEDOUT" });
}
