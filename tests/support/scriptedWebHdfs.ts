import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A NameNode that behaves as Hadoop's "WebHDFS REST API" says, with files in memory. */
export interface ScriptedNameNode {
  readonly port: number;
  readonly files: Map<string, Buffer>;
  /** Users that it was asked by. */
  readonly users: Set<string>;
  standby: boolean;
  stop(): Promise<void>;
}

type Answer = { readonly status: number; readonly body?: unknown; readonly location?: string; readonly bytes?: Buffer };

/** Starts it on a free port. */
export async function startScriptedNameNode(): Promise<ScriptedNameNode> {
  const files = new Map<string, Buffer>();
  const users = new Set<string>();
  const server = createServer((request, response) => {
    void collected(request).then((body) => {
      const url = new URL(request.url ?? "", "http://x");
      users.add(url.searchParams.get("user.name") ?? "");
      // It is its own DataNode, under the name it was asked by.
      const host = request.headers.host ?? "";
      reply(response, node.standby ? refusal(403, "StandbyException") : answerTo(url, body, files, host));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const stop = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => {
        done();
      });
      server.closeAllConnections();
    });
  const node = { port: (server.address() as AddressInfo).port, files, users, standby: false, stop };
  return node;
}

function answerTo(url: URL, body: Buffer, files: Map<string, Buffer>, host: string): Answer {
  const path = decodeURIComponent(url.pathname.replace("/webhdfs/v1", "")).replace(/(?<=.)\/$/, "");
  const op = url.searchParams.get("op") ?? "";
  const isData = url.searchParams.get("data") === "here";
  if ((op === "CREATE" || op === "OPEN") && !isData) {
    if (op === "OPEN" && !files.has(path)) return refusal(404, "FileNotFoundException");
    return { status: 307, location: `http://${host}${url.pathname}${url.search}&data=here` };
  }
  const offset = Number(url.searchParams.get("offset") ?? 0);
  const length = url.searchParams.get("length");
  const operations: Record<string, () => Answer> = {
    CREATE: () => (files.set(path, body), { status: 201 }),
    OPEN: () => ({
      status: 200,
      bytes: (files.get(path) ?? body).subarray(offset, length === null ? undefined : offset + Number(length)),
    }),
    GETFILESTATUS: () => {
      const status = statusOf(path, "", files);
      return status === undefined
        ? refusal(404, "FileNotFoundException")
        : { status: 200, body: { FileStatus: status } };
    },
    LISTSTATUS: () => listing(path, files),
    GETFILECHECKSUM: () => ({
      status: 200,
      body: { FileChecksum: { bytes: "ab".repeat(28) + "00000000", length: 28 } },
    }),
    RENAME: () => rename(path, url, files),
    DELETE: () => ({ status: 200, body: { boolean: files.delete(path) } }),
  };
  return operations[op]?.() ?? refusal(400, "IllegalArgumentException");
}

/** A NameNode replaces what is there and says nothing; a gateway (HttpFS) does not, and says so. */
function rename(path: string, url: URL, files: Map<string, Buffer>): Answer {
  const to = url.searchParams.get("destination") ?? "";
  const bytes = files.get(path);
  const isGateway = url.pathname.includes("/gateway/");
  if (isGateway && (bytes === undefined || files.has(to))) return { status: 200, body: { boolean: false } };
  if (bytes === undefined) return refusal(404, "FileNotFoundException");
  files.set(to, bytes);
  files.delete(path);
  return isGateway ? { status: 200, body: { boolean: true } } : { status: 200 };
}

function statusOf(path: string, pathSuffix: string, files: Map<string, Buffer>): object | undefined {
  const file = files.get(path);
  if (file !== undefined) return { pathSuffix, type: "FILE", length: file.length, modificationTime: 0 };
  const isFolder = path === "/" || [...files.keys()].some((one) => one.startsWith(`${path}/`));
  return isFolder ? { pathSuffix, type: "DIRECTORY", length: 0, modificationTime: 0 } : undefined;
}

function listing(path: string, files: Map<string, Buffer>): Answer {
  const prefix = path === "/" ? "/" : `${path}/`;
  const inside = [...files.keys()].filter((one) => one.startsWith(prefix)).sort();
  const names = new Set(inside.map((one) => one.slice(prefix.length).split("/")[0] ?? ""));
  if (names.size === 0) return refusal(404, "FileNotFoundException");
  const statuses = [...names].map((name) => statusOf(prefix + name, name, files));
  return { status: 200, body: { FileStatuses: { FileStatus: statuses } } };
}

function refusal(status: number, exception: string): Answer {
  return { status, body: { RemoteException: { exception, message: exception } } };
}

function reply(response: ServerResponse, { status, body, location, bytes }: Answer): void {
  response.writeHead(status, location === undefined ? {} : { location });
  response.end(bytes ?? (body === undefined ? undefined : JSON.stringify(body)));
}

/** All that came: of a connection that was cut, a DataNode keeps it too. */
async function collected(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    // Cut.
  }
  return Buffer.concat(chunks);
}
