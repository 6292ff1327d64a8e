import { closeSync, fstatSync, openSync } from "node:fs";
import { CorruptObjectError, StorageError } from "../base/errors.ts";
import { FileHash, md5Hex } from "./fileHash.ts";
import type { WriteOptions } from "./filesystem.ts";
import { gsFacts, type GsClient, type GsObject, OBJECT_FIELDS } from "./gsClient.ts";
import type { PutTarget } from "./s3Upload.ts";
import { isUnchanged, readAt, wrongBytes } from "./uploadFile.ts";

/** A multiple of 256 KiB, as the service asks. */
const CHUNK = 16 << 20;
const BOUNDARY = "=-holdfast-part-7c1b5d0e94f24f0c8a";

/**
 * Sends bytes with their description in one request. The description holds the md5, so that the service refuses what was
 * changed on the way.
 * @throws {StorageError}; {CorruptObjectError} when the bytes have not the hash asked for: nothing is sent.
 */
export async function putGsBytes(
  client: GsClient,
  { bucket, key }: PutTarget,
  bytes: Uint8Array,
  options: WriteOptions,
): Promise<void> {
  const about = `gs://${bucket}/${key}`;
  const md5 = md5Hex(bytes);
  if (options.md5 !== undefined && md5 !== options.md5) throw wrongBytes(about, options.md5, md5);
  const part = `\r\n--${BOUNDARY}\r\ncontent-type: application/octet-stream\r\n\r\n`;
  const body = Buffer.concat([
    Buffer.from(
      `--${BOUNDARY}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${description(key, md5)}${part}`,
    ),
    bytes,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);
  const answer = await client.http.send({
    method: "POST",
    path: client.uploadPath(bucket, { uploadType: "multipart", fields: OBJECT_FIELDS }),
    headers: { "content-type": `multipart/related; boundary="${BOUNDARY}"` },
    body,
    about,
    signal: options.signal,
  });
  finish(answer.body, about, md5, bytes.byteLength, options);
  options.onBytes?.(bytes.byteLength);
}

/**
 * Sends a large local file in pieces of one resumable upload while a thread hashes it. The last piece, with which the
 * object appears, is sent only when the hash is the one asked for. After a failure the service is asked how far it got.
 * Memory: one piece.
 * @throws {StorageError, CorruptObjectError}
 */
export async function putGsFile(
  client: GsClient,
  target: PutTarget,
  file: string,
  options: WriteOptions,
): Promise<void> {
  const fd = openSync(file, "r");
  const hash = new FileHash(file);
  try {
    const before = fstatSync(fd, { bigint: true });
    const size = Number(before.size);
    const digest = hash.finish(size);
    const session = await begin(client, target, size, options);
    await sendPieces(client, target, session, fd, size, options, async () => {
      const md5 = await digest;
      if (options.md5 !== undefined && (md5 !== options.md5 || !isUnchanged(fd, before)))
        throw wrongBytes(file, options.md5, md5);
      return md5;
    });
  } finally {
    closeSync(fd);
    await hash.stop();
  }
}

async function begin(
  client: GsClient,
  { bucket, key }: PutTarget,
  size: number,
  options: WriteOptions,
): Promise<string> {
  const about = `gs://${bucket}/${key}`;
  const answer = await client.http.send({
    method: "POST",
    path: client.uploadPath(bucket, { uploadType: "resumable", name: key, fields: OBJECT_FIELDS }),
    headers: {
      "content-type": "application/json; charset=UTF-8",
      "x-upload-content-type": "application/octet-stream",
      "x-upload-content-length": String(size),
    },
    body: Buffer.from(description(key, options.md5)),
    about,
    signal: options.signal,
  });
  const location = answer.headers["location"] ?? "";
  if (!URL.canParse(location))
    throw new StorageError(`'${about}': the server gave no place for the upload`, { protocol: "gs", path: about });
  // Only its path: where requests and credentials go is not for an answer to say.
  const { pathname, search } = new URL(location);
  return pathname + search;
}

async function sendPieces(
  client: GsClient,
  { bucket, key }: PutTarget,
  session: string,
  fd: number,
  size: number,
  options: WriteOptions,
  digest: () => Promise<string>,
): Promise<void> {
  const about = `gs://${bucket}/${key}`;
  const { signal } = options;
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, size));
  let at = 0;
  let md5: string | undefined;
  let counted = 0;
  const count = (): void => {
    options.onBytes?.(at - counted);
    counted = at;
  };
  try {
    while (at < size) {
      const isLast = at + buffer.length >= size;
      if (isLast) md5 ??= await digest();
      const body = await client.http.attempt(signal, async () => {
        const range = `bytes ${String(at)}-${String(Math.min(size, at + buffer.length) - 1)}/${String(size)}`;
        try {
          return await piece(readAt(fd, buffer, at, Math.min(buffer.length, size - at)), range);
        } catch (error) {
          if (!(error instanceof StorageError) || !error.retryable) throw error;
          const done = await piece(undefined, `bytes */${String(size)}`).catch(() => undefined);
          if (done !== undefined) return done;
          throw error;
        }
      });
      if (typeof body === "number") at = body;
      else {
        finish(body, about, md5, size, options);
        at = size;
      }
      count();
    }
  } catch (error) {
    if (signal?.aborted === true || error instanceof CorruptObjectError) await drop(client, session, about);
    throw error;
  }

  /** Sends bytes, or asks how far it got; the number of bytes there, or the description of the finished object. */
  async function piece(bytes: Uint8Array | undefined, range: string): Promise<number | Buffer> {
    const answer = await client.http.receive({
      method: "PUT",
      path: session,
      headers: { "content-range": range },
      ...(bytes === undefined ? {} : { body: bytes }),
      about,
      signal,
      accept: [308],
    });
    if (answer.status !== 308) return answer.body;
    const upTo = /-(\d+)$/.exec(answer.headers["range"] ?? "")?.[1];
    const there = upTo === undefined ? 0 : Number(upTo) + 1;
    if (there <= size && (bytes === undefined || there > at)) return there;
    throw new StorageError(`'${about}': the server took nothing`, { protocol: "gs", path: about, retryable: true });
  }
}

async function drop(client: GsClient, session: string, about: string): Promise<void> {
  const request = { method: "DELETE", path: session, about, accept: [499, 404, 405] } as const;
  await client.http.receive(request).catch(() => undefined);
}

function description(key: string, md5: string | undefined): string {
  const md5Hash = md5 === undefined ? undefined : Buffer.from(md5, "hex").toString("base64");
  return JSON.stringify({ name: key, contentType: "application/octet-stream", md5Hash });
}

/** The service says what it stored: it must be what was sent. */
function finish(body: Buffer, about: string, md5: string | undefined, size: number, { onWritten }: WriteOptions): void {
  let stored: GsObject;
  try {
    stored = JSON.parse(body.toString("utf8")) as GsObject;
  } catch {
    throw new StorageError(`'${about}': the server's answer makes no sense`, { protocol: "gs", path: about });
  }
  const expected = md5 === undefined ? undefined : Buffer.from(md5, "hex").toString("base64");
  const isOther = stored.md5Hash !== undefined && expected !== undefined && stored.md5Hash !== expected;
  if (isOther || (stored.size !== undefined && Number(stored.size) !== size))
    throw new StorageError(`'${about}': the server stored other bytes than were sent`, { protocol: "gs", path: about });
  onWritten?.(gsFacts(stored));
}
