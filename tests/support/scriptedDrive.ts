import { createHash, createVerify, generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A file or folder of it. */
export interface DriveFile {
  readonly id: string;
  name: string;
  readonly mimeType: string;
  readonly parents: readonly string[];
  bytes: Buffer | undefined;
  trashed: boolean;
  /** Google takes it for harmful. */
  harmful?: boolean;
  readonly driveId?: string;
}

/**
 * A server that behaves as Google's "Drive API v3" reference and "OAuth 2.0" guide say, with files in memory. No real one
 * can be had for tests.
 */
export interface ScriptedDrive {
  readonly endpoint: string;
  /** By id. `top` is a folder of the user, `team` one in a shared drive. */
  readonly files: Map<string, DriveFile>;
  /** Requests so far: `METHOD /path?query`. */
  readonly seen: string[];
  /** What happens to the next requests: a refusal, or the work is done and the answer is lost. */
  readonly faults: ("lost" | { readonly status: number; readonly reason: string })[];
  /** Whom tokens were given to. */
  readonly tokensFor: string[];
  /** The key of a service account that it knows, as Google's file. */
  readonly serviceKey: string;
  /** Log-ins by code: the challenge that came with it. */
  readonly codes: Map<string, string>;
  stop(): Promise<void>;
}

/** The client and log-in of a user whom it knows. */
export const DRIVE_USER = { client_id: "my-client.apps", client_secret: "my-secret", refresh_token: "lasting-token" };
const FOLDER = "application/vnd.google-apps.folder";
const PAGE = 300;
const GOOD_TOKEN = "Bearer good-token";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly bytes?: Buffer;
}

interface Session {
  readonly id: string | undefined;
  readonly description: Partial<DriveFile>;
  readonly size: number;
  bytes: Buffer;
}

/** Starts it on a free port. */
export async function startScriptedDrive(): Promise<ScriptedDrive> {
  const server = createServer((request, response) => {
    // A request that was cut has nobody to answer to.
    handle(request, response, drive).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const drive = new Drive(endpoint, () => {
    return new Promise((done) => {
      server.close(() => {
        done();
      });
      server.closeAllConnections();
    });
  });
  return drive;
}

async function handle(request: IncomingMessage, response: ServerResponse, drive: Drive): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const url = new URL(request.url ?? "", drive.endpoint);
  drive.seen.push(`${request.method ?? ""} ${request.url ?? ""}`);
  const headers = request.headers as Record<string, string | undefined>;
  const asked = {
    method: request.method ?? "",
    path: url.pathname,
    query: url.searchParams,
    headers,
    body: Buffer.concat(chunks),
  };
  const fault = asked.path === "/token" ? undefined : drive.faults.shift();
  const answer = typeof fault === "object" ? refusal(fault.status, fault.reason) : drive.answer(asked);
  if (fault === "lost") {
    request.socket.destroy();
    return;
  }
  const { status, json, bytes } = answer;
  const body = bytes ?? (json === undefined ? "" : JSON.stringify(json));
  response.writeHead(status, { "content-length": String(Buffer.byteLength(body)), ...answer.headers }).end(body);
}

class Drive implements ScriptedDrive {
  readonly endpoint: string;
  readonly files: Map<string, DriveFile> = new Map<string, DriveFile>();
  readonly seen: string[] = [];
  readonly faults: ScriptedDrive["faults"] = [];
  readonly tokensFor: string[] = [];
  readonly serviceKey: string;
  readonly codes: Map<string, string> = new Map<string, string>();
  readonly stop: () => Promise<void>;
  readonly #publicKey: string;
  readonly #sessions: Map<string, Session> = new Map<string, Session>();
  #count = 0;

  constructor(endpoint: string, stop: () => Promise<void>) {
    this.endpoint = endpoint;
    this.stop = stop;
    const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
    this.#publicKey = String(pair.publicKey.export({ type: "spki", format: "pem" }));
    this.serviceKey = JSON.stringify({
      type: "service_account",
      client_email: "robot@project.example",
      private_key_id: "k1",
      private_key: pair.privateKey.export({ type: "pkcs8", format: "pem" }),
      token_uri: `${endpoint}/token`,
    });
    const folder = { mimeType: FOLDER, parents: [], bytes: undefined, trashed: false };
    this.files.set("top", { id: "top", name: "top", ...folder });
    this.files.set("team", { id: "team", name: "team", driveId: "shared-1", ...folder });
  }

  answer(asked: Asked): Answer {
    const { method, path, headers } = asked;
    if (path === "/token") return this.#token(new URLSearchParams(asked.body.toString("utf8")));
    if (headers["authorization"] !== GOOD_TOKEN) return refusal(401, "authError");
    if (path === "/drive/v3/files/generateIds") {
      const ids = Array.from(
        { length: Number(asked.query.get("count")) },
        () => `id${String(this.#count++).padStart(6, "0")}`,
      );
      return { status: 200, json: { ids } };
    }
    const upload = /^\/upload\/drive\/v3\/files(?:\/(.+))?$/.exec(path);
    if (upload !== null) return this.#upload(asked, upload[1]);
    if (path === "/session") return this.#piece(asked);
    if (path === "/drive/v3/files")
      return method === "POST"
        ? this.#create(JSON.parse(asked.body.toString("utf8")) as DriveFile, undefined)
        : this.#search(asked);
    return this.#one(asked, decodeURIComponent(path.slice("/drive/v3/files/".length)));
  }

  #token(form: URLSearchParams): Answer {
    const given = (whom: string, more: object = {}): Answer => {
      this.tokensFor.push(whom);
      return { status: 200, json: { access_token: "good-token", expires_in: 3600, ...more } };
    };
    const bad: Answer = { status: 400, json: { error: "invalid_grant" } };
    const grant = form.get("grant_type");
    if (grant === "urn:ietf:params:oauth:grant-type:jwt-bearer") {
      const [head = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
      const said = JSON.parse(Buffer.from(claims, "base64url").toString("utf8")) as Record<string, string>;
      const isGood =
        createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(this.#publicKey, signature, "base64url") &&
        said["aud"] === `${this.endpoint}/token` &&
        said["scope"]?.includes("https://www.googleapis.com/auth/drive") === true;
      return isGood ? given(said["sub"] ?? said["iss"] ?? "") : bad;
    }
    const isClient =
      form.get("client_id") === DRIVE_USER.client_id && form.get("client_secret") === DRIVE_USER.client_secret;
    if (grant === "refresh_token")
      return isClient && form.get("refresh_token") === DRIVE_USER.refresh_token ? given("user") : bad;
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (grant === "authorization_code" && isClient && this.codes.get(form.get("code") ?? "") === challenge)
      return given("new user", { refresh_token: DRIVE_USER.refresh_token });
    return bad;
  }

  #search({ query }: Asked): Answer {
    const q = query.get("q") ?? "";
    const text = (quoted: string): string => quoted.replace(/\\(.)/g, "$1");
    const parents = [...q.matchAll(/'((?:[^'\\]|\\.)*)' in parents/g)].map((one) => text(one[1] ?? ""));
    const name = / and name = '((?:[^'\\]|\\.)*)'/.exec(q)?.[1];
    const drives = new Set(parents.map((id) => this.files.get(id)?.driveId));
    // Items of shared drives are told only to those who ask for them.
    const isShared = !drives.has(undefined);
    if (isShared && (query.get("corpora") !== "drive" || !drives.has(query.get("driveId") ?? "")))
      return { status: 200, json: { files: [] } };
    const found = [...this.files.values()].filter(
      (one) =>
        !one.trashed &&
        one.parents.some((id) => parents.includes(id)) &&
        (name === undefined || one.name.toLowerCase() === text(name).toLowerCase()),
    );
    const start = Number(query.get("pageToken") ?? 0);
    const next = start + PAGE < found.length ? { nextPageToken: String(start + PAGE) } : {};
    return { status: 200, json: { ...next, files: found.slice(start, start + PAGE).map(facts) } };
  }

  #create(said: Partial<DriveFile>, bytes: Buffer | undefined): Answer {
    const id = said.id ?? `id${String(this.#count++).padStart(6, "0")}`;
    if (this.files.has(id)) return refusal(409, "fileIdInUse");
    const parents = said.parents ?? [];
    const parent = this.files.get(parents[0] ?? "");
    if (parent === undefined) return refusal(404, "notFound");
    const file: DriveFile = {
      id,
      name: said.name ?? "Untitled",
      mimeType: said.mimeType ?? "application/octet-stream",
      parents,
      bytes,
      trashed: false,
      ...(parent.driveId === undefined ? {} : { driveId: parent.driveId }),
    };
    this.files.set(id, file);
    return { status: 200, json: facts(file) };
  }

  #one({ method, query, headers, body }: Asked, id: string): Answer {
    const file = this.files.get(id);
    if (file === undefined || query.get("supportsAllDrives") !== "true") return refusal(404, "notFound");
    if (method === "DELETE") {
      this.files.delete(id);
      return { status: 204 };
    }
    if (method === "PATCH") {
      Object.assign(file, JSON.parse(body.toString("utf8")));
      return { status: 200, json: facts(file) };
    }
    if (query.get("alt") !== "media") return { status: 200, json: facts(file) };
    if (file.harmful === true && query.get("acknowledgeAbuse") !== "true")
      return refusal(403, "cannotDownloadAbusiveFile");
    const bytes = file.bytes ?? Buffer.alloc(0);
    const range = /^bytes=(\d+)-(\d*)$/.exec(headers["range"] ?? "");
    if (range === null) return { status: 200, bytes };
    const part = bytes.subarray(Number(range[1]), range[2] === "" ? undefined : Number(range[2]) + 1);
    const last = Number(range[1]) + part.length - 1;
    const said = { "content-range": `bytes ${range[1] ?? ""}-${String(last)}/${String(bytes.length)}` };
    return { status: 206, headers: said, bytes: part };
  }

  #upload({ query, headers, body }: Asked, id: string | undefined): Answer {
    if (query.get("uploadType") === "resumable") {
      const name = String(this.#count++);
      const description = JSON.parse(body.toString("utf8")) as Partial<DriveFile>;
      this.#sessions.set(name, {
        id,
        description,
        size: Number(headers["x-upload-content-length"]),
        bytes: Buffer.alloc(0),
      });
      return { status: 200, headers: { location: `${this.endpoint}/session?upload_id=${name}` } };
    }
    const boundary = /boundary="(.*)"/.exec(headers["content-type"] ?? "")?.[1] ?? "";
    const text = body.toString("latin1");
    const [, first = "", second = ""] = text.split(`--${boundary}`);
    const part = (whole: string): Buffer => Buffer.from(whole.slice(whole.indexOf("\r\n\r\n") + 4, -2), "latin1");
    return this.#stored(id, JSON.parse(part(first).toString("utf8")) as Partial<DriveFile>, part(second));
  }

  #stored(id: string | undefined, description: Partial<DriveFile>, bytes: Buffer): Answer {
    const file = id === undefined ? undefined : this.files.get(id);
    if (id === undefined) return this.#create(description, bytes);
    if (file === undefined) return refusal(404, "notFound");
    file.bytes = bytes;
    return { status: 200, json: facts(file) };
  }

  #piece({ method, query, headers, body }: Asked): Answer {
    const session = this.#sessions.get(query.get("upload_id") ?? "");
    if (session === undefined) return refusal(404, "notFound");
    if (method === "DELETE") {
      this.#sessions.delete(query.get("upload_id") ?? "");
      return { status: 499 };
    }
    const start = /^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1];
    if (start !== undefined && Number(start) === session.bytes.length)
      session.bytes = Buffer.concat([session.bytes, body]);
    const { length } = session.bytes;
    if (length < session.size)
      return { status: 308, headers: length === 0 ? {} : { range: `bytes=0-${String(length - 1)}` } };
    if (session.id === undefined && session.description.id !== undefined && this.files.has(session.description.id))
      return { status: 200, json: facts(this.files.get(session.description.id) as DriveFile) };
    return this.#stored(session.id, session.description, session.bytes);
  }
}

function facts({ id, name, mimeType, parents, bytes, trashed, driveId }: DriveFile): object {
  const ofBytes =
    bytes === undefined
      ? {}
      : { size: String(bytes.length), md5Checksum: createHash("md5").update(bytes).digest("hex") };
  return { id, name, mimeType, parents, trashed, driveId, modifiedTime: "2024-02-03T04:05:06.000Z", ...ofBytes };
}

function refusal(status: number, reason: string): Answer {
  return {
    status,
    json: { error: { code: status, message: `${reason} it is`, errors: [{ reason, message: reason }] } },
  };
}
