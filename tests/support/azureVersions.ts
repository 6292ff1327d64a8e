import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { AzureServer } from "./azureServer.ts";

/** Azurite as an account whose containers keep versions. */
export interface AzureVersions {
  readonly endpoint: string;
  /** Versions that are kept of `container/blob`, oldest first. */
  idsOf(path: string): string[];
  stop(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Azurite keeps no versions. This stands before it and does, as the reference of the REST API says: each write answers with
 * `x-ms-version-id`, a time; reads tell that of the current version; `versionid` asks for one, also after the blob was removed.
 * Who may do what is still for Azurite to say: every request goes there first, with the query that it was signed with.
 */
export async function startAzureVersions(server: AzureServer): Promise<AzureVersions> {
  const kept = new Map<
    string,
    { readonly id: string; readonly bytes: Buffer; readonly headers: IncomingHttpHeaders }[]
  >();
  const { fs } = await server.open("azure://any");
  let serial = 0;

  async function answer(incoming: IncomingMessage, body: Buffer): Promise<Reply> {
    const { method = "", url = "", headers } = incoming;
    const { pathname, searchParams } = new URL(url, "http://x");
    const blob = decodeURIComponent(pathname).split("/").slice(2).join("/");
    const reply = await forward(server.port, { method, url, headers }, body);
    const isBlob = blob.includes("/") && !searchParams.has("restype");
    if (!isBlob || reply.status === 403) return reply;
    const versions = kept.get(blob) ?? [];
    const isWrite = method === "PUT" && reply.status === 201 && ["blocklist", null].includes(searchParams.get("comp"));
    if (isWrite) {
      const id = `2026-01-01T00:00:00.${String(++serial).padStart(7, "0")}Z`;
      const { etag, "last-modified": changed } = reply.headers;
      kept.set(blob, [
        ...versions,
        { id, bytes: await fs.readBytes(blob), headers: { etag, "last-modified": changed } },
      ]);
      return { ...reply, headers: { ...reply.headers, "x-ms-version-id": id } };
    }
    if (method !== "GET" && method !== "HEAD") return reply;
    const wanted = searchParams.get("versionid");
    if (wanted === null) return withHeader(reply, versions.at(-1)?.id);
    const version = versions.find(({ id }) => id === wanted);
    if (version === undefined)
      return { status: 404, headers: { "x-ms-error-code": "BlobNotFound" }, body: Buffer.alloc(0) };
    const found = { "x-ms-version-id": version.id, "x-ms-blob-type": "BlockBlob", ...version.headers };
    return { status: 200, headers: { ...found, "content-length": String(version.bytes.length) }, body: version.bytes };
  }

  const listener = createServer((incoming, outgoing) => {
    void collect(incoming)
      .then((body) => answer(incoming, body))
      .then((reply) => {
        send(outgoing, incoming.method === "HEAD", reply);
      })
      .catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
  return {
    endpoint: `http://127.0.0.1:${String((listener.address() as AddressInfo).port)}/${server.account}`,
    idsOf: (path) => (kept.get(path) ?? []).map(({ id }) => id),
    stop: async () => {
      await fs.close();
      listener.closeAllConnections();
      await new Promise((done) => listener.close(done));
    },
  };
}

function withHeader(reply: Reply, id: string | undefined): Reply {
  return id === undefined ? reply : { ...reply, headers: { ...reply.headers, "x-ms-version-id": id } };
}

function forward(
  port: number,
  { method, url, headers }: { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders },
  body: Buffer,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const onward = request({ host: "127.0.0.1", port, method, path: url, headers, agent: false }, (reply) => {
      collect(reply).then((bytes) => {
        resolve({ status: reply.statusCode ?? 502, headers: reply.headers, body: bytes });
      }, reject);
    });
    onward.once("error", reject);
    onward.end(body);
  });
}

async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function send(outgoing: ServerResponse, isHead: boolean, { status, headers, body }: Reply): void {
  const { "transfer-encoding": _, ...plain } = headers;
  outgoing.writeHead(status, plain);
  outgoing.end(isHead ? undefined : body);
}
