import { EventEmitter, once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { S3Client } from "./s3Client.ts";
import { s3Settings } from "./s3Settings.ts";
import { Wire, WireError, type WireRequest } from "./httpWire.ts";

/** What the server does with the `nth` request (from 0) on its `connection` (from 0). */
type Script = (socket: Socket, about: { text: string; nth: number; connection: number }) => void;

interface Scripted {
  readonly port: number;
  readonly requests: readonly string[];
  readonly connections: readonly Socket[];
}

const opened: { server?: Server; wires: Wire[]; sockets: Socket[] } = { wires: [], sockets: [] };

afterEach(async () => {
  for (const wire of opened.wires.splice(0)) wire.close();
  for (const socket of opened.sockets.splice(0)) socket.destroy();
  const { server } = opened;
  if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  delete opened.server;
});

/** A server that reads whole requests and answers each by the script. */
async function scripted(script: Script, host = "127.0.0.1"): Promise<Scripted> {
  const requests: string[] = [];
  const server = createServer((socket) => {
    const connection = opened.sockets.push(socket) - 1;
    let text = "";
    let nth = 0;
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      for (let size = sizeOf(text); size !== undefined; size = sizeOf(text)) {
        const one = text.slice(0, size);
        text = text.slice(size);
        requests.push(one);
        script(socket, { text: one, nth: nth++, connection });
      }
    });
  });
  opened.server = server;
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return { port: (server.address() as AddressInfo).port, requests, connections: opened.sockets };
}

/** Length of the first whole request in `text`. */
function sizeOf(text: string): number | undefined {
  const head = text.indexOf("\r\n\r\n");
  const size = head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
  return head === -1 || text.length < size ? undefined : size;
}

function wireTo(port: number, more: { readTimeoutMs?: number; connectTimeoutMs?: number; host?: string } = {}): Wire {
  const wire = new Wire({ host: "127.0.0.1", port, connectTimeoutMs: 5000, readTimeoutMs: 5000, ...more });
  opened.wires.push(wire);
  return wire;
}

const ok = (body: string, more = ""): string =>
  `HTTP/1.1 200 OK\r\n${more}Content-Length: ${String(body.length)}\r\n\r\n${body}`;
const GET: WireRequest = { head: "GET /a HTTP/1.1\r\nhost: x\r\n\r\n", isHead: false };
const put = (body: Uint8Array): WireRequest => ({
  head: `PUT /a HTTP/1.1\r\ncontent-length: ${String(body.length)}\r\n\r\n`,
  isHead: false,
  body,
});
const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "no failure",
    (error: unknown) => error,
  );

describe("Wire", () => {
  it("uses a kept connection again, and a new one after 'Connection: close'", async () => {
    const server = await scripted((socket, { nth }) => {
      if (nth < 2) socket.write(ok(`answer ${String(nth)}`));
      else socket.end(ok("last", "Connection: close\r\n"));
    });
    const wire = wireTo(server.port);
    const bodies: string[] = [];
    for (let i = 0; i < 4; i++) bodies.push((await wire.exchange(GET)).body.toString());
    expect(bodies).toEqual(["answer 0", "answer 1", "last", "answer 0"]);
    expect(server.connections.length).toBe(2);
  });

  it.each([1, 100, 1 << 16, (1 << 16) + 1, 3 << 20])("sends a body of %i bytes whole", async (size) => {
    const server = await scripted((socket) => socket.write(ok("")));
    const body = Buffer.alloc(size, "0123456789");
    await wireTo(server.port).exchange(put(body));
    expect(server.requests).toEqual([put(body).head + body.toString("latin1")]);
  });

  it("does not use a connection again that sent bytes nobody asked for, with the answer or later", async () => {
    const server = await scripted((socket, { connection }) => {
      if (connection === 0) socket.write(ok("first") + ok("garbage"));
      else if (connection === 1) socket.write(ok("second"), () => setImmediate(() => socket.write(ok("garbage"))));
      else socket.write(ok("third"));
    });
    const wire = wireTo(server.port);
    expect((await wire.exchange(GET)).body.toString()).toBe("first");
    expect((await wire.exchange(GET)).body.toString()).toBe("second");
    const [, second] = server.connections;
    await new Promise((resolve) => second?.once("close", resolve));
    expect((await wire.exchange(GET)).body.toString()).toBe("third");
  });

  it("tells a kept connection that was closed without an answer from a new one", async () => {
    const server = await scripted((socket, { nth, connection }) => {
      if (connection === 0 && nth === 0) socket.write(ok("first"));
      else socket.resetAndDestroy();
    });
    const wire = wireTo(server.port);
    await wire.exchange(GET);
    expect(await failureOf(wire.exchange(GET))).toMatchObject({ unanswered: true, begun: false });
    expect(await failureOf(wire.exchange(GET, true))).toMatchObject({ unanswered: false, begun: false });
  });

  it("does not send again what was answered in part, even on a kept connection", async () => {
    const server = await scripted((socket, { nth }) => {
      if (nth === 0) socket.write(ok("first"));
      else socket.end("HTTP/1.1 200 OK\r\nContent-Le");
    });
    const wire = wireTo(server.port);
    await wire.exchange(GET);
    expect(await failureOf(wire.exchange(GET))).toMatchObject({ unanswered: false, begun: true });
  });

  it("notices that a waiting connection was closed, before it is used", async () => {
    const server = await scripted((socket, { connection }) => {
      socket.write(ok(`connection ${String(connection)}`));
    });
    const wire = wireTo(server.port);
    await wire.exchange(GET);
    const [first] = server.connections;
    const closed = new Promise((resolve) => first?.once("close", resolve));
    first?.end();
    await closed;
    expect((await wire.exchange(GET)).body.toString()).toBe("connection 1");
  });

  it("gives up a silent server in time, also on a kept connection, and does not take that for a closed one", async () => {
    const server = await scripted((socket, { nth }) => nth === 0 && socket.write(ok("first")));
    const wire = wireTo(server.port, { readTimeoutMs: 50 });
    await wire.exchange(GET);
    expect(await failureOf(wire.exchange(GET))).toMatchObject({ code: "ETIMEDOUT", unanswered: false });
    expect(await failureOf(wire.exchange(GET, true))).toBe("no failure");
  });

  it("gives up an answer that stops half-way", async () => {
    const server = await scripted((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"));
    const wire = wireTo(server.port, { readTimeoutMs: 50 });
    expect(await failureOf(wire.exchange(GET))).toMatchObject({ code: "ETIMEDOUT", begun: true });
  });

  it("gives up a host that does not take the connection", async () => {
    // A network for documentation: nothing is there. Where there is no way to it at all, the error comes at once.
    const wire = wireTo(9, { host: "192.0.2.1", connectTimeoutMs: 50 });
    const error = await failureOf(wire.exchange(GET));
    expect(error).toBeInstanceOf(WireError);
    expect(["ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "ECONNREFUSED"]).toContain((error as WireError).code);
  });

  it("has 64 connections at most; the others wait for their turn", async () => {
    const held: Socket[] = [];
    const server = await scripted((socket) => {
      held.push(socket);
      // Answered 64 at a time: more than that never wait at once, and fewer would wait for ever.
      if (held.length === 64) for (const one of held.splice(0)) one.write(ok("x"));
    });
    const wire = wireTo(server.port);
    await Promise.all(Array.from({ length: 128 }, () => wire.exchange(GET)));
    expect(server.requests.length).toBe(128);
    expect(server.connections.length).toBe(64);
  });

  it("an abort cuts the connection of its request, and only that", async () => {
    const arrived: (() => void)[] = [];
    const server = await scripted((socket, { text }) => {
      if (text.startsWith("PUT")) arrived.shift()?.();
      else socket.write(ok("fine"));
    });
    const wire = wireTo(server.port);
    const controller = new AbortController();
    const there = new Promise<void>((resolve) => arrived.push(resolve));
    const stopped = failureOf(wire.exchange({ ...put(Buffer.from("x")), signal: controller.signal }));
    await there;
    const [socket] = server.connections;
    const cut = new Promise((resolve) => socket?.once("close", resolve));
    controller.abort(new Error("stop"));
    expect(await stopped).toMatchObject({ message: "stop" });
    await cut;
    expect((await wire.exchange(GET)).body.toString()).toBe("fine");
  });

  it("a request that waits for its turn is not sent after an abort, and the next one gets the turn", async () => {
    const held: Socket[] = [];
    const events = new EventEmitter();
    const full = once(events, "full");
    const server = await scripted((socket, { text }) => {
      if (text.startsWith("PUT")) socket.write(ok("turn"));
      else if (held.push(socket) === 64) events.emit("full");
    });
    const wire = wireTo(server.port);
    const busy = Array.from({ length: 64 }, () => wire.exchange(GET));
    await full;
    const controller = new AbortController();
    const never = failureOf(wire.exchange({ ...GET, signal: controller.signal }));
    const next = wire.exchange(put(Buffer.from("x")));
    controller.abort(new Error("stop"));
    expect(await never).toMatchObject({ message: "stop" });
    held.shift()?.write(ok("x"));
    expect((await next).body.toString()).toBe("turn");
    for (const socket of held) socket.write(ok("x"));
    await Promise.all(busy);
    expect(server.requests.filter((one) => one.startsWith("GET")).length).toBe(64);
  });

  it("an answer that comes before the whole request was taken is read, and the connection not used again", async () => {
    const server = createServer((socket) => {
      opened.sockets.push(socket);
      socket.on("error", () => undefined);
      // The first bytes are enough to refuse; the rest is never read.
      socket.once("data", () => {
        socket.pause();
        socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      });
    });
    opened.server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const wire = wireTo((server.address() as AddressInfo).port);
    expect(await wire.exchange(put(Buffer.alloc(64 << 20)))).toMatchObject({ status: 403 });
    expect((await wire.exchange(put(Buffer.alloc(1)))).status).toBe(403);
    expect(opened.sockets.length).toBe(2);
  });
});

const SECRET = "very/secret+key";

function clientTo(endpoint: string, values: Record<string, string> = {}): S3Client {
  const keys = { access_key_id: "id", secret_access_key: SECRET, session_token: "tokenoftheday" };
  const all = { endpointurl: endpoint, ...keys, ...values };
  return new S3Client(s3Settings({ values: all, env: {}, home: "/nonexistent" }), {
    attempts: 1,
    firstDelayMs: 1,
    maxDelayMs: 1,
  });
}

describe("S3Client over plain connections", () => {
  it("nothing of a key, a query or a bucket gets out of the request line", async () => {
    const server = await scripted((socket) => socket.write(ok("")));
    const client = clientTo(`http://127.0.0.1:${String(server.port)}`);
    const evil = "a\r\nx-evil: 1\r\n\r\nGET /b HTTP/1.1\r\n ?#%00ü";
    await client.send({ method: "GET", bucket: evil, key: evil, query: { prefix: evil } });
    client.close();
    expect(server.requests.length).toBe(1);
    const [request] = server.requests as [string];
    expect(request.split("\r\n")[0]).toMatch(/^GET \/[\w.%/-]+\?prefix=[\w.%-]+ HTTP\/1\.1$/);
    expect(request).not.toContain("\r\nx-evil");
  });

  it("a header's value that would end the header is refused without telling it", async () => {
    const server = await scripted((socket) => socket.write(ok("")));
    const client = clientTo(`http://127.0.0.1:${String(server.port)}`, { session_token: "abc\r\nx-evil: 1" });
    const error = (await failureOf(client.send({ method: "GET", bucket: "b" }))) as Error;
    client.close();
    expect(error).toMatchObject({ code: "config" });
    expect(error.message).not.toContain("abc");
    expect(server.requests).toEqual([]);
  });

  it("half a surrogate pair is no name", async () => {
    const client = clientTo("http://127.0.0.1:9");
    await expect(client.send({ method: "GET", bucket: "b", key: "a\ud800" })).rejects.toThrow("is no name for S3");
  });

  it("a host by IPv6 address is reached, with its port in the Host header", async () => {
    const server = await scripted((socket) => socket.write(ok("")), "::1");
    const client = clientTo(`http://[::1]:${String(server.port)}`);
    await client.send({ method: "GET", bucket: "b" });
    client.close();
    expect(server.requests[0]).toContain(`host: [::1]:${String(server.port)}\r\n`);
  });

  it("a closed kept connection costs one more request, not a try; POST included, as nothing was answered", async () => {
    const server = await scripted((socket, { connection, nth }) => {
      if (connection === 0 && nth === 1) socket.destroy();
      else socket.write(ok("fine"));
    });
    const client = clientTo(`http://127.0.0.1:${String(server.port)}`);
    await client.send({ method: "GET", bucket: "b" });
    const answer = await client.send({ method: "POST", bucket: "b", key: "k", body: Buffer.from("x") });
    client.close();
    expect(answer.body.toString()).toBe("fine");
    expect(server.requests.length).toBe(3);
  });

  it("a silent server is asked once a try", async () => {
    const server = await scripted((socket, { nth }) => nth === 0 && socket.write(ok("fine")));
    const client = clientTo(`http://127.0.0.1:${String(server.port)}`, { read_timeout: "0.05" });
    await client.send({ method: "GET", bucket: "b" });
    await expect(client.send({ method: "GET", bucket: "b" })).rejects.toThrow("ETIMEDOUT");
    client.close();
    expect(server.requests.length).toBe(2);
  });

  it.each([
    ["no HTTP", "SSH-2.0-x\r\n\r\n"],
    ["a refusal", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"],
    ["a cut", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"],
    ["nothing", ""],
  ])("the error for %s tells no secret", async (_name, answer) => {
    const server = await scripted((socket) => socket.end(answer));
    const client = clientTo(`http://127.0.0.1:${String(server.port)}`);
    const error = (await failureOf(client.send({ method: "GET", bucket: "b", key: "k" }))) as Error;
    client.close();
    expect(error).toMatchObject({ name: "StorageError" });
    let told = "";
    for (let one: unknown = error; one instanceof Error; one = one.cause) told += one.message + JSON.stringify(one);
    for (const secret of [SECRET, "tokenoftheday", "Signature="]) expect(told).not.toContain(secret);
  });
});
