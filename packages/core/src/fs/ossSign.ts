import { createHmac } from "node:crypto";
import { sha256Hex } from "./s3Sign.ts";

/** Keys to sign with; `token`: of a session. */
export interface OssKeys {
  readonly id: string;
  readonly secret: string;
  readonly token?: string;
}

/** What a signature covers. Header names in lower case. */
export interface OssSignable {
  readonly method: string;
  /** `/bucket/key`, encoded. */
  readonly resource: string;
  /** Encoded, without "?". */
  readonly query: string;
  readonly headers: Record<string, string>;
}

/** Parameters that the older signature covers; of these only the ones that we send. */
const SUBRESOURCES: ReadonlySet<string> = new Set([
  "continuation-token",
  "delete",
  "partNumber",
  "uploadId",
  "uploads",
]);

/**
 * Adds the signature of version 4 to the headers (in place). Bodies are not covered: `content-md5` is.
 * Source: Alibaba Cloud, "OSS, Include V4 signatures in the Authorization header".
 */
export function signOssV4(
  { method, resource, query, headers }: OssSignable,
  keys: OssKeys,
  region: string,
  now: Date,
): void {
  const stamp = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const date = stamp.slice(0, 8);
  headers["x-oss-date"] = stamp;
  headers["x-oss-content-sha256"] = "UNSIGNED-PAYLOAD";
  if (keys.token !== undefined) headers["x-oss-security-token"] = keys.token;
  const canonical = [
    method,
    resource,
    pairsOf(query)
      .map(([name, value]) => (value === "" ? name : `${name}=${value}`))
      .join("&"),
    signedHeaders(headers, (name) => name === "content-type" || name === "content-md5" || name.startsWith("x-oss-")),
    "",
    "UNSIGNED-PAYLOAD",
  ].join("\n");
  const scope = `${date}/${region}/oss/aliyun_v4_request`;
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
  const key = hmac(hmac(hmac(hmac(`aliyun_v4${keys.secret}`, date), region), "oss"), "aliyun_v4_request");
  const signature = hmac(key, `OSS4-HMAC-SHA256\n${stamp}\n${scope}\n${sha256Hex(canonical)}`).toString("hex");
  headers["authorization"] = `OSS4-HMAC-SHA256 Credential=${keys.id}/${scope},Signature=${signature}`;
}

/**
 * Adds the signature of version 1, for endpoints that do not tell their region.
 * Source: Alibaba Cloud, "OSS, Include V1 signatures in the Authorization header".
 */
export function signOssV1({ method, resource, query, headers }: OssSignable, keys: OssKeys, now: Date): void {
  headers["date"] = now.toUTCString();
  if (keys.token !== undefined) headers["x-oss-security-token"] = keys.token;
  const covered = pairsOf(query)
    .map(([name, value]) => [decodeURIComponent(name), decodeURIComponent(value)] as const)
    .filter(([name]) => SUBRESOURCES.has(name))
    .map(([name, value]) => (value === "" ? name : `${name}=${value}`))
    .join("&");
  const text = [
    method,
    headers["content-md5"] ?? "",
    headers["content-type"] ?? "",
    headers["date"],
    signedHeaders(headers, (name) => name.startsWith("x-oss-")) +
      decodeURIComponent(resource) +
      (covered === "" ? "" : `?${covered}`),
  ].join("\n");
  headers["authorization"] = `OSS ${keys.id}:${createHmac("sha1", keys.secret).update(text).digest("base64")}`;
}

/** Names and values, by name. */
function pairsOf(query: string): [string, string][] {
  if (query === "") return [];
  const pairs = query.split("&").map((pair): [string, string] => {
    const at = pair.indexOf("=");
    return at === -1 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
  });
  return pairs.sort(([one], [two]) => (one < two ? -1 : 1));
}

/** Lines of these headers, each with its end. */
function signedHeaders(headers: Readonly<Record<string, string>>, isSigned: (name: string) => boolean): string {
  const names = Object.keys(headers).filter(isSigned).sort();
  return names.map((name) => `${name}:${(headers[name] ?? "").trim()}\n`).join("");
}
