import { createHmac, hash } from "node:crypto";
import { StorageError } from "../base/errors.ts";

/** Keys to sign with. `expiresMs`: when they end, milliseconds since the epoch. */
export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiresMs?: number;
}

/** What a signature covers. Header names in lower case, `host` included; `path` and `query` are already encoded. */
export interface Signable {
  readonly method: string;
  readonly path: string;
  /** Name, value pairs joined and sorted: `a=1&b=2`. */
  readonly query: string;
  readonly headers: Record<string, string>;
  /** Hex sha256 of the body, or `UNSIGNED-PAYLOAD`. */
  readonly payload: string;
}

/** Hex sha256 of no bytes. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/** Stands for the hash of a body that the transport (TLS) protects. */
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

/** Hex sha256. */
export function sha256Hex(data: Uint8Array | string): string {
  return hash("sha256", data, "hex");
}

/**
 * Adds AWS Signature Version 4 to `headers` (in place): `x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token` and
 * `authorization`. The derived key is kept for the day: four HMACs a request less.
 */
export class S3Signer {
  #scopeKey = "";
  #key: Buffer = Buffer.alloc(0);

  sign(request: Signable, keys: S3Keys, region: string, now: Date): void {
    const stamp = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
    const date = stamp.slice(0, 8);
    const { headers } = request;
    headers["x-amz-date"] = stamp;
    headers["x-amz-content-sha256"] = request.payload;
    if (keys.sessionToken !== undefined) headers["x-amz-security-token"] = keys.sessionToken;
    const names = Object.keys(headers).sort();
    let canonical = `${request.method}\n${request.path}\n${request.query}\n`;
    for (const name of names) canonical += `${name}:${String(headers[name]).trim().replace(/ {2,}/g, " ")}\n`;
    const signed = names.join(";");
    canonical += `\n${signed}\n${request.payload}`;
    const scope = `${date}/${region}/s3/aws4_request`;
    const text = `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${sha256Hex(canonical)}`;
    const signature = createHmac("sha256", this.#signingKey(keys, date, region))
      .update(text)
      .digest("hex");
    headers["authorization"] =
      `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
  }

  #signingKey(keys: S3Keys, date: string, region: string): Buffer {
    const scopeKey = `${keys.secretAccessKey}/${date}/${region}`;
    if (scopeKey !== this.#scopeKey) {
      const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
      this.#key = hmac(hmac(hmac(hmac(`AWS4${keys.secretAccessKey}`, date), region), "s3"), "aws4_request");
      this.#scopeKey = scopeKey;
    }
    return this.#key;
  }
}

/** A key as it stands in a path: every byte but unreserved ones and "/" escaped. @throws {StorageError} for what is no Unicode. */
export function encodeKey(key: string): string {
  return /^[\w./-]*$/.test(key) ? key : key.split("/").map(encodePart).join("/");
}

/** Query text in the order that a signature wants. An undefined value leaves the name out. */
export function encodeQuery(query: Readonly<Record<string, string | undefined>>): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) pairs.push(`${encodePart(name)}=${encodePart(value)}`);
  }
  return pairs.sort().join("&");
}

function encodePart(text: string): string {
  if (!isWellFormed(text)) throw new StorageError(`'${text}' is no name for S3`, { protocol: "s3", path: text });
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Whether all halves of surrogate pairs have their other half; without it there is no UTF-8. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
