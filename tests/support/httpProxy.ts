import { createServer, request, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { tlsOptions } from "./tlsFiles.ts";

/** A forward proxy as companies have them: whole URLs in the request line, and `CONNECT`. */
export interface HttpProxy {
  readonly port: number;
  /** First lines of the requests, without the version: `GET http://host/path`, `CONNECT host:443`. */
  readonly seen: readonly string[];
  stop(): Promise<void>;
}

/** How the proxy is. `credentials`: `user:password` that it asks for. */
export interface HttpProxyOptions {
  /** Whatever host is asked for, the connection goes to this port of loopback. */
  readonly targetPort: number;
  readonly credentials?: string;
  readonly secure?: boolean;
}

/** Starts it on a loopback port. */
export async function startHttpProxy({ targetPort, credentials, secure }: HttpProxyOptions): Promise<HttpProxy> {
  const seen: string[] = [];
  const sockets = new Set<Duplex>();
  const isWelcome = ({ headers }: IncomingMessage): boolean =>
    credentials === undefined ||
    headers["proxy-authorization"] === `Basic ${Buffer.from(credentials).toString("base64")}`;
  const forward: RequestListener = (incoming, answer) => {
    const { method = "", url = "", headers } = incoming;
    seen.push(`${method} ${url}`);
    if (!isWelcome(incoming)) {
      incoming.resume();
      answer.writeHead(407).end();
      return;
    }
    const { pathname, search } = new URL(url);
    const path = pathname + search;
    const { "proxy-authorization": _, ...passed } = headers;
    const onward = request({ host: "127.0.0.1", port: targetPort, method, path, headers: passed }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    onward.on("error", () => incoming.socket.destroy());
    incoming.pipe(onward);
  };
  const server: Server = secure === true ? createSecureServer(tlsOptions(), forward) : createServer(forward);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
  });
  server.on("connect", (incoming: IncomingMessage, socket: Duplex) => {
    seen.push(`CONNECT ${incoming.url ?? ""}`);
    socket.on("error", () => undefined);
    if (!isWelcome(incoming)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const onward = connect(targetPort, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      onward.pipe(socket);
      socket.pipe(onward);
    });
    sockets.add(onward);
    onward.on("error", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}
