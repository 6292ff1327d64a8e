import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";

/** Git's own HTTP server program behind a web server of the tests. */
export interface GitHttp {
  readonly port: number;
  /** Requests so far, as `METHOD /path`. */
  readonly seen: readonly string[];
  stop(): Promise<void>;
}

/**
 * Serves the bare repositories below `root`: under `/smart/` through `git http-backend`, under `/dumb/` as plain files, and
 * under `/private/` as under `/smart/`, but only for user `ann` with password `secret`.
 */
export async function startGitHttp(root: string): Promise<GitHttp> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://x");
    seen.push(`${request.method ?? ""} ${url.pathname}`);
    const [, kind = "", ...rest] = url.pathname.split("/");
    const path = rest.join("/");
    if (kind === "dumb") void sendFile(join(root, normalize(`/${path}`)), response);
    else if (kind === "private" && request.headers.authorization !== ANN) refuse(response);
    else askGit(root, `/${path}`, url.search.slice(1), request, response);
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
        server.closeAllConnections();
      }),
  };
}

const ANN = `Basic ${Buffer.from("ann:secret").toString("base64")}`;

function refuse(response: ServerResponse): void {
  response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
}

async function sendFile(path: string, response: ServerResponse): Promise<void> {
  try {
    const bytes = await readFile(path);
    response.writeHead(200, { "content-length": bytes.length }).end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

/** As the Common Gateway Interface says. */
function askGit(root: string, path: string, query: string, request: IncomingMessage, response: ServerResponse): void {
  const { headers, method = "" } = request;
  const child = spawn("git", ["http-backend"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      PATH: process.env["PATH"],
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      REQUEST_METHOD: method,
      PATH_INFO: path,
      QUERY_STRING: query,
      CONTENT_TYPE: headers["content-type"] ?? "",
      CONTENT_LENGTH: headers["content-length"] ?? "",
      HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
    },
  });
  child.stdin.on("error", () => undefined);
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  let isBegun = false;
  child.stdout.on("data", (chunk: Buffer) => {
    if (isBegun) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    isBegun = true;
    const lines = head.toString("latin1", 0, end).split("\r\n");
    const fields = lines.map((line) => line.split(/:\s*/, 2) as [string, string]);
    const status = fields.find(([name]) => name.toLowerCase() === "status")?.[1] ?? "200";
    for (const [name, value] of fields) if (name.toLowerCase() !== "status") response.setHeader(name, value);
    response.writeHead(Number.parseInt(status, 10));
    response.write(head.subarray(end + 4));
  });
  child.once("close", () => {
    response.end();
  });
}
