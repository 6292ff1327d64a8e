/** Servers that take a connection and never say a word: how long each storage waits, and what is told then. */
import { type AddressInfo, createServer, type Server, Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openStorage } from "../../packages/core/src/fs/open.ts";

let server: Server;
let port = 0;
let connections = 0;

beforeAll(async () => {
  server = createServer((socket) => {
    connections++;
    socket.on("error", () => undefined).resume();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.close();
});
afterEach(() => {
  vi.restoreAllMocks();
});

interface Storage {
  readonly url: string;
  readonly values: Readonly<Record<string, string>>;
  /** Seconds without a byte after which it asks again. */
  readonly seconds: number;
  /** Options that shorten the wait. */
  readonly impatient?: Readonly<Record<string, string>>;
}

const keys = { access_key_id: "k", secret_access_key: "s" };
const STORAGES: Readonly<Record<string, (host: string) => Storage>> = {
  s3: (host) => ({
    url: "s3://bucket/x",
    values: { ...keys, endpointurl: `http://${host}` },
    seconds: 60,
    impatient: { read_timeout: "0.1" },
  }),
  "s3 over TLS": (host) => ({
    url: "s3://bucket/x",
    values: { ...keys, endpointurl: `https://${host}` },
    seconds: 60,
    // It is silent in the handshake.
    impatient: { connect_timeout: "0.1" },
  }),
  gs: (host) => ({
    url: "gs://bucket/x",
    values: { endpointurl: `http://${host}`, allow_anonymous_login: "true" },
    seconds: 60,
  }),
  azure: (host) => ({
    url: "azure://box/x",
    values: {
      connection_string: `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YWFh;BlobEndpoint=http://${host}/a;`,
    },
    seconds: 60,
    impatient: { read_timeout: "0.1" },
  }),
  http: (host) => ({ url: `http://${host}/x`, values: {}, seconds: 60, impatient: { read_timeout: "0.1" } }),
  webdav: (host) => ({ url: `webdav://${host}/x`, values: {}, seconds: 30, impatient: { timeout: "0.1" } }),
  webhdfs: (host) => ({ url: `webhdfs://u@${host}/x`, values: {}, seconds: 60 }),
};

const opened = async (
  storage: (host: string) => Storage,
  more: Readonly<Record<string, string>> = {},
): ReturnType<typeof openStorage> => {
  const { url, values } = storage(`127.0.0.1:${String(port)}`);
  return openStorage(url, { values: { ...values, ...more, url }, env: {}, home: "/nonexistent" });
};

describe("a server that never answers", () => {
  it.for(Object.entries(STORAGES))("is waited for as long as %s is by default", async ([, storage]) => {
    const waits = vi.spyOn(Socket.prototype, "setTimeout");
    const before = connections;
    const { fs, root } = await opened(storage);
    const stop = new AbortController();
    const asked = fs.stat(root, { signal: stop.signal });
    await vi.waitFor(() => {
      expect(connections).toBeGreaterThan(before);
      expect(waits.mock.calls.map(([ms]) => ms)).toContain(storage("").seconds * 1000);
    });
    stop.abort();
    await expect(asked).rejects.toThrow();
    await fs.close();
  });
});

// Between the tries they wait.
describe.concurrent("a server that never answers", () => {
  const shortened = Object.entries(STORAGES).filter(([, storage]) => storage("").impatient !== undefined);
  it.for(shortened)("of %s is told by its address after some tries", async ([, storage], { expect }) => {
    const { fs, root } = await opened(storage, storage("").impatient);
    const told = `no answer from 127.0.0.1:${String(port)}: it takes too long (ETIMEDOUT)`;
    await expect(fs.stat(root)).rejects.toThrow(told);
    await fs.close();
  });

  it("of SSH is given up in the time to connect", async ({ expect }) => {
    const url = `ssh://u@127.0.0.1:${String(port)}/x`;
    const values = { url, password: "x", timeout: "0.1" };
    const { fs } = await openStorage(url, { values, env: {}, home: "/nonexistent" });
    await expect(fs.stat("/x")).rejects.toThrow(/127\.0\.0\.1:\d+.*time/i);
    await fs.close();
  });
});
