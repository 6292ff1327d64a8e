import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One question to the server. `form`: the fields that were posted. */
export interface JsonAsked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

/** A scripted server that speaks JSON: of tokens, of listings. */
export interface JsonServer {
  readonly port: number;
  readonly url: string;
  readonly asked: readonly JsonAsked[];
  stop(): Promise<void>;
}

/** What it answers. */
export interface JsonReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json: object;
}

/** Starts a server on loopback that answers as `reply` says. */
export async function startJsonServer(reply: (asked: JsonAsked) => JsonReply): Promise<JsonServer> {
  const asked: JsonAsked[] = [];
  const server = createServer((incoming, answer) => {
    let body = "";
    incoming.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    incoming.on("end", () => {
      const one = { path: incoming.url ?? "", headers: incoming.headers, form: new URLSearchParams(body) };
      asked.push(one);
      const { status = 200, headers = {}, json } = reply(one);
      answer.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${String(port)}`,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
