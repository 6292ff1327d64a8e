import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to one request. */
export type Fault =
  | "pass"
  /** The server is busy: 503 SlowDown. */
  | "busy"
  /** The connection is cut before any answer. */
  | "reset"
  /** The answer's body ends half-way and the connection is cut. */
  | "cut"
  /** The answer's body has one wrong byte. */
  | "wrong"
  /** The request stays without an answer. */
  | "hang"
  /** The bucket lies in another region. */
  | { readonly region: string };

/** A proxy in front of a real server that spoils chosen requests. */
export interface FaultyProxy {
  readonly endpoint: string;
  /** Requests so far, as `METHOD /path`. */
  readonly seen: readonly string[];
  stop(): Promise<void>;
}

/** `choose` is asked for each request; `signedFor` is the region that its signature names. */
export async function startFaultyProxy(
  target: string,
  choose: (what: { method: string; path: string; signedFor: string }) => Fault,
): Promise<FaultyProxy> {
  const seen: string[] = [];
  const server = createServer((incoming, answer) => {
    const method = incoming.method ?? "";
    const path = incoming.url ?? "";
    seen.push(`${method} ${path}`);
    const signedFor = incoming.headers.authorization?.split("/")[2] ?? "";
    handle(target, incoming, answer, choose({ method, path, signedFor }));
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

function handle(target: string, incoming: IncomingMessage, answer: ServerResponse, fault: Fault): void {
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
  if (typeof fault === "object") {
    incoming.resume();
    answer.writeHead(301, { "x-amz-bucket-region": fault.region }).end("<Error><Code>PermanentRedirect</Code></Error>");
    return;
  }
  forward(target, incoming, answer, fault);
}

function forward(
  target: string,
  incoming: IncomingMessage,
  answer: ServerResponse,
  fault: "pass" | "cut" | "wrong",
): void {
  const { method, headers, url } = incoming;
  const onward = request(target + (url ?? ""), { ...(method === undefined ? {} : { method }), headers }, (reply) => {
    const chunks: Buffer[] = [];
    reply.on("data", (chunk: Buffer) => chunks.push(chunk));
    reply.on("end", () => {
      const body = Buffer.concat(chunks);
      answer.writeHead(reply.statusCode ?? 500, reply.headers);
      if (fault === "cut") {
        answer.write(body.subarray(0, body.length / 2), () => {
          incoming.socket.destroy();
        });
        return;
      }
      if (fault === "wrong") body[0] = (body[0] ?? 0) ^ 1;
      answer.end(body);
    });
  });
  onward.on("error", () => {
    incoming.socket.destroy();
  });
  incoming.pipe(onward);
}
