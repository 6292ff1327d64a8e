import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that behaves as Alibaba's "OSS API reference" says, with objects in memory. No real one can be had for tests. */
export interface ScriptedOss {
  /** Addresses of this machine: the bucket stands in the path. */
  readonly endpoint: string;
  readonly port: number;
  /** By `bucket/key`. */
  readonly objects: Map<string, Buffer>;
  /** Requests so far: `METHOD host/path version`. */
  readonly seen: string[];
  /** Answers for the next requests, before anything else is done. */
  readonly refusals: { readonly status: number; readonly code: string; readonly extra?: string }[];
  /** How far its clock is ahead (ms). */
  skewMs: number;
  stop(): Promise<void>;
}

/** The key that may do everything in the buckets `contract` and `data`; everybody may read `open`. */
export const OSS_KEYS = { id: "testKeyId", secret: "testKeySecret" };
const BUCKETS = ["contract", "data", "open"];
const HOST = /^([a-z0-9-]+)\.oss-cn-hangzhou\.aliyuncs\.com$/;

interface Asked {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  /** `/bucket/key`, as it was encoded. */
  readonly resource: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

interface State {
  readonly objects: Map<string, Buffer>;
  readonly uploads: Map<string, Map<number, Buffer>>;
  now(): number;
}

/** Starts it. It also takes requests as a proxy, so that buckets' own host names can be asked for. */
export async function startScriptedOss(): Promise<ScriptedOss> {
  const state = {
    objects: new Map<string, Buffer>(),
    uploads: new Map<string, Map<number, Buffer>>(),
    now: () => Date.now() + oss.skewMs,
  };
  const server = createServer((request, response) => {
    const answer = (asked: Asked): void => {
      oss.seen.push(`${asked.method} ${asked.resource} ${asked.headers["authorization"]?.split(" ")[0] ?? "none"}`);
      const next = oss.refusals.shift();
      reply(
        response,
        asked,
        next === undefined ? judge(asked, state) : refusal(next.status, next.code, next.extra),
        state.now(),
      );
    };
    // A request that was cut has nobody to answer to.
    askedOf(request).then(answer, () => undefined);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => {
        done();
      });
      server.closeAllConnections();
    });
  const oss: ScriptedOss = {
    endpoint: `http://127.0.0.1:${String(port)}`,
    port,
    objects: state.objects,
    seen: [],
    refusals: [],
    skewMs: 0,
    stop,
  };
  return oss;
}

async function askedOf(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const url = new URL(request.url ?? "", `http://${request.headers.host ?? ""}`);
  const before = HOST.exec(url.hostname)?.[1];
  const resource = (before === undefined ? "" : `/${before}`) + url.pathname;
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/s.exec(resource) ?? [];
  return {
    method: request.method ?? "",
    bucket,
    key: decodeURIComponent(key),
    resource,
    query: url.searchParams,
    headers: request.headers as Record<string, string>,
    body: Buffer.concat(chunks),
  };
}

function judge(asked: Asked, state: State): Answer {
  return refusedBy(asked, state) ?? (asked.key === "" ? bucketAnswer(asked, state) : objectAnswer(asked, state));
}

function refusedBy(asked: Asked, { now }: State): Answer | undefined {
  const { headers, bucket, method, body } = asked;
  if (!BUCKETS.includes(bucket)) return refusal(404, "NoSuchBucket");
  const said = headers["authorization"];
  if (said === undefined) {
    if (bucket !== "open" || (method !== "GET" && method !== "HEAD")) return refusal(403, "AccessDenied");
  } else {
    const time = headers["date"] ?? (headers["x-oss-date"] ?? "").replace(/^(....)(..)(..T..)(..)/, "$1-$2-$3:$4:");
    if (Math.abs(Date.parse(time) - now()) > 15 * 60_000) return refusal(403, "RequestTimeTooSkewed");
    if (!said.includes(OSS_KEYS.id)) return refusal(403, "InvalidAccessKeyId");
    if (said !== expected(asked)) return refusal(403, "SignatureDoesNotMatch");
  }
  const md5 = headers["content-md5"];
  return md5 !== undefined && md5 !== createHash("md5").update(body).digest("base64")
    ? refusal(400, "InvalidDigest")
    : undefined;
}

/** The header that the keys' owner would send. */
function expected({ method, resource, query, headers }: Asked): string {
  const mine = Object.entries(headers).filter(([name]) => name.startsWith("x-oss-"));
  if (headers["x-oss-date"] === undefined) {
    const covered = [...query].filter(([name]) =>
      /^(uploads|uploadId|partNumber|delete|continuation-token)$/.test(name),
    );
    const sub = covered.sort().map(([name, value]) => (value === "" ? name : `${name}=${value}`));
    const head = [method, headers["content-md5"], headers["content-type"], headers["date"]].map(
      (one) => `${one ?? ""}\n`,
    );
    const extra = mine.sort().map(([name, value]) => `${name}:${value}\n`);
    const text = [...head, ...extra, decodeURIComponent(resource), sub.length > 0 ? `?${sub.join("&")}` : ""].join("");
    return `OSS ${OSS_KEYS.id}:${createHmac("sha1", OSS_KEYS.secret).update(text).digest("base64")}`;
  }
  const escape = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  const pairs = [...query].map(([name, value]) => [escape(name), escape(value)] as const).sort();
  const signed = Object.entries(headers).filter(
    ([name]) => name.startsWith("x-oss-") || /^content-(md5|type)$/.test(name),
  );
  const lines = signed.sort().map(([name, value]) => `${name}:${value}\n`);
  const canonical = `${method}\n${resource}\n${pairs.map((pair) => pair.filter((one) => one !== "").join("=")).join("&")}\n${lines.join("")}\n\nUNSIGNED-PAYLOAD`;
  const date = headers["x-oss-date"].slice(0, 8);
  let key: Buffer = Buffer.from(`aliyun_v4${OSS_KEYS.secret}`);
  for (const text of [date, "cn-hangzhou", "oss", "aliyun_v4_request"])
    key = createHmac("sha256", key).update(text).digest();
  const scope = `${date}/cn-hangzhou/oss/aliyun_v4_request`;
  const text = `OSS4-HMAC-SHA256\n${headers["x-oss-date"]}\n${scope}\n${createHash("sha256").update(canonical).digest("hex")}`;
  return `OSS4-HMAC-SHA256 Credential=${OSS_KEYS.id}/${scope},Signature=${createHmac("sha256", key).update(text).digest("hex")}`;
}

function bucketAnswer({ method, bucket, query, body }: Asked, { objects }: State): Answer {
  if (method === "POST" && query.has("delete")) {
    const keys = [...body.toString("utf8").matchAll(/<Key>(.*?)<\/Key>/gs)].map((one) => one[1] ?? "");
    for (const key of keys)
      objects.delete(`${bucket}/${key.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))}`);
    return { status: 200 };
  }
  const [prefix, delimiter] = [query.get("prefix") ?? "", query.get("delimiter") ?? ""];
  const names = new Set<string>();
  for (const path of objects.keys()) {
    const key = path.slice(bucket.length + 1);
    if (!path.startsWith(`${bucket}/`) || !key.startsWith(prefix)) continue;
    const cut = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    names.add(cut === -1 ? key : key.slice(0, cut + 1));
  }
  const after = query.get("continuation-token") ?? "";
  const left = [...names].sort().filter((name) => name > after);
  const page = left.slice(0, Number(query.get("max-keys") ?? 100));
  const entries = page.map((name) => {
    const object = objects.get(`${bucket}/${name}`);
    return object === undefined
      ? `<CommonPrefixes><Prefix>${encodeURIComponent(name)}</Prefix></CommonPrefixes>`
      : `<Contents><Key>${encodeURIComponent(name)}</Key><LastModified>2024-02-03T04:05:06.000Z</LastModified><ETag>"${etagOf(object)}"</ETag><Size>${String(object.length)}</Size></Contents>`;
  });
  const isCut = page.length < left.length;
  const next = isCut ? `<NextContinuationToken>${page.at(-1) ?? ""}</NextContinuationToken>` : "";
  return {
    status: 200,
    body: `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${String(isCut)}</IsTruncated>${next}${entries.join("")}</ListBucketResult>`,
  };
}

function objectAnswer(asked: Asked, { objects, uploads }: State): Answer {
  const { method, bucket, key, query, body } = asked;
  const path = `${bucket}/${key}`;
  const uploadId = query.get("uploadId");
  if (query.has("uploads")) {
    const id = `upload-${String(uploads.size)}`;
    uploads.set(id, new Map());
    return {
      status: 200,
      body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    };
  }
  if (uploadId !== null) {
    const parts = uploads.get(uploadId);
    if (parts === undefined) return refusal(404, "NoSuchUpload");
    if (method === "PUT") {
      parts.set(Number(query.get("partNumber")), body);
      return { status: 200, headers: { etag: `"${etagOf(body)}"` } };
    }
    uploads.delete(uploadId);
    if (method === "DELETE") return { status: 204 };
    const named = [...body.toString("utf8").matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>"?(\w+)"?<\/ETag>/g)];
    const bytes = named.map(([, number, etag]) => [parts.get(Number(number)) ?? Buffer.alloc(0), etag] as const);
    if (bytes.some(([part, etag]) => etagOf(part) !== etag)) return refusal(400, "InvalidPart");
    objects.set(path, Buffer.concat(bytes.map(([part]) => part)));
    return { status: 200, body: "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>" };
  }
  if (method === "PUT") {
    objects.set(path, body);
    return { status: 200, headers: { etag: `"${etagOf(body)}"` } };
  }
  if (method === "DELETE") {
    objects.delete(path);
    return { status: 204 };
  }
  const object = objects.get(path);
  return object === undefined ? refusal(404, "NoSuchKey") : served(asked, object);
}

function served({ headers }: Asked, object: Buffer): Answer {
  const about = { etag: `"${etagOf(object)}"`, "last-modified": "Sat, 03 Feb 2024 04:05:06 GMT" };
  if (headers["if-match"] !== undefined && headers["if-match"] !== about.etag)
    return refusal(412, "PreconditionFailed");
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers["range"] ?? "");
  if (range === null) return { status: 200, headers: about, body: object };
  const start = Number(range[1]);
  const end = Math.min(object.length, range[2] === "" ? Infinity : Number(range[2]) + 1);
  const said = `bytes ${String(start)}-${String(end - 1)}/${String(object.length)}`;
  return { status: 206, headers: { ...about, "content-range": said }, body: object.subarray(start, end) };
}

function etagOf(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex").toUpperCase();
}

function refusal(status: number, code: string, extra = ""): Answer {
  return {
    status,
    body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code} it is</Message>${extra}</Error>`,
  };
}

function reply(response: ServerResponse, { method }: Asked, { status, headers, body = "" }: Answer, now: number): void {
  const length = { "content-length": String(Buffer.byteLength(body)) };
  response.writeHead(status, { ...(status === 204 ? {} : length), date: new Date(now).toUTCString(), ...headers });
  response.end(method === "HEAD" ? undefined : body);
}
