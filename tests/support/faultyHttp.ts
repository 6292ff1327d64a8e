import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to one request. */
export type Fault =
  | "pass"
  /** The server is busy: 503 SlowDown. */
  | "busy"
  /** There were too many requests: 429 with `Retry-After`. */
  | "tooMany"
  /** The connection is cut before any answer. */
  | "reset"
  /** The server does what it is asked, but its answer is lost: the connection is cut instead. */
  | "lost"
  /** The answer's body ends half-way and the connection is cut. */
  | "cut"
  /** The answer's body has one wrong byte. */
  | "wrong"
  /** The answer's body is shorter, and says so itself. */
  | "short"
  /** The answer's body comes in ten pieces, with pauses. */
  | "drip"
  /** The request stays without an answer. */
  | "hang"
  /** The server knows no ranges: 200 and the whole, as it was asked for before. */
  | "whole"
  /** The answer's body ends after so many bytes and the connection is cut. */
  | { readonly cutAt: number }
  /** The answer has other headers (names in lower case). */
  | { readonly headers: Readonly<Record<string, string>> }
  /** The server refuses, with one of S3's codes. */
  | { readonly status: number; readonly error: string }
  /** The server sends elsewhere: 302. */
  | { readonly redirect: string }
  /** The bucket lies in another region. */
  | { readonly region: string };

/** What a fault is chosen by. `range`: the header, as sent. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  /** The region that the signature names. */
  readonly signedFor: string;
  readonly range: string | undefined;
}

/** A proxy in front of a real server that spoils chosen requests. */
export interface FaultyProxy {
  readonly endpoint: string;
  /** Requests so far, as `METHOD /path`. */
  readonly seen: readonly string[];
  stop(): Promise<void>;
}

/** `choose` is asked for each request; one that it promises to judge waits. `rewrite`: what the server is asked instead. */
export async function startFaultyProxy(
  target: string,
  choose: (what: Asked) => Fault | Promise<Fault>,
  { rewrite = (path: string): string => path } = {},
): Promise<FaultyProxy> {
  const seen: string[] = [];
  const wholes = new Map<string, Buffer>();
  const server = createServer((incoming, answer) => {
    const method = incoming.method ?? "";
    const path = incoming.url ?? "";
    seen.push(`${method} ${path}`);
    const signedFor = incoming.headers.authorization?.split("/")[2] ?? "";
    const { range } = incoming.headers;
    void Promise.resolve(choose({ method, path, signedFor, range })).then((fault) => {
      handle({ target, wholes, rewrite }, incoming, answer, fault);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    seen,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** The real server, and what it has given whole, by path. */
interface Behind {
  readonly target: string;
  readonly wholes: Map<string, Buffer>;
  readonly rewrite: (path: string) => string;
}

function handle(behind: Behind, incoming: IncomingMessage, answer: ServerResponse, fault: Fault): void {
  if (fault === "hang") return;
  if (fault === "reset") {
    incoming.socket.resetAndDestroy();
    return;
  }
  if (fault === "busy") {
    incoming.resume();
    answer
      .writeHead(503)
      .end("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>");
    return;
  }
  if (fault === "tooMany") {
    incoming.resume();
    answer.writeHead(429, { "retry-after": "0" }).end();
    return;
  }
  if (typeof fault === "object" && "redirect" in fault) {
    incoming.resume();
    answer.writeHead(302, { location: fault.redirect }).end();
    return;
  }
  if (typeof fault === "object" && "error" in fault) {
    incoming.resume();
    answer.writeHead(fault.status).end(`<Error><Code>${fault.error}</Code><Message>refused</Message></Error>`);
    return;
  }
  if (typeof fault === "object" && "region" in fault) {
    incoming.resume();
    answer.writeHead(301, { "x-amz-bucket-region": fault.region }).end("<Error><Code>PermanentRedirect</Code></Error>");
    return;
  }
  forward(behind, incoming, answer, fault);
}

function forward(
  { target, wholes, rewrite }: Behind,
  incoming: IncomingMessage,
  answer: ServerResponse,
  fault: Exclude<
    Fault,
    | "hang"
    | "reset"
    | "busy"
    | "tooMany"
    | { readonly redirect: string }
    | { readonly region: string }
    | { readonly error: string }
  >,
): void {
  const { method, headers, url } = incoming;
  const onward = request(
    target + rewrite(url ?? ""),
    { ...(method === undefined ? {} : { method }), headers },
    (reply) => {
      const chunks: Buffer[] = [];
      reply.on("data", (chunk: Buffer) => chunks.push(chunk));
      reply.on("end", () => {
        const body = Buffer.concat(chunks);
        if (fault === "lost") {
          incoming.socket.destroy();
          return;
        }
        if (method === "GET" && reply.statusCode === 200) wholes.set(url ?? "", body);
        if (fault === "whole") {
          const whole = wholes.get(url ?? "") ?? body;
          answer.writeHead(200, { "content-length": whole.length }).end(whole);
          return;
        }
        if (fault === "short") {
          const part = body.subarray(0, Math.floor(body.length / 2));
          answer.writeHead(reply.statusCode ?? 500, { ...reply.headers, "content-length": part.length }).end(part);
          return;
        }
        const others = typeof fault === "object" && "headers" in fault ? fault.headers : {};
        answer.writeHead(reply.statusCode ?? 500, { ...reply.headers, ...others });
        if (fault === "cut" || (typeof fault === "object" && "cutAt" in fault)) {
          answer.flushHeaders();
          answer.write(body.subarray(0, fault === "cut" ? body.length / 2 : fault.cutAt), () => {
            incoming.socket.destroy();
          });
          return;
        }
        if (fault === "drip") {
          drip(answer, body);
          return;
        }
        if (fault === "wrong") body[0] = (body[0] ?? 0) ^ 1;
        answer.end(body);
      });
    },
  );
  onward.on("error", () => {
    incoming.socket.destroy();
  });
  incoming.pipe(onward);
}

const PIECES = 10;
const PAUSE_MS = 150;

function drip(answer: ServerResponse, body: Buffer): void {
  const length = Math.ceil(body.length / PIECES);
  const next = (at: number): void => {
    if (at >= body.length) answer.end();
    else
      answer.write(body.subarray(at, at + length), () => {
        setTimeout(next, PAUSE_MS, at + length);
      });
  };
  next(0);
}

/** A server that is none of ours: it answers everything with bytes of its own. */
export interface Stranger {
  readonly url: string;
  /** Headers of all requests. */
  readonly heard: readonly IncomingMessage["headers"][];
  stop(): void;
}

/** Starts it. */
export async function startStranger(): Promise<Stranger> {
  const heard: IncomingMessage["headers"][] = [];
  const server = createServer((incoming, answer) => {
    heard.push(incoming.headers);
    incoming.resume();
    incoming.once("end", () => answer.end("bytes of a stranger"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`, heard, stop };
}
