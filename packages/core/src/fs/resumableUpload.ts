import { closeSync, fstatSync, openSync } from "node:fs";
import { CorruptObjectError, StorageError } from "../base/errors.ts";
import { BufferPool } from "./bufferPool.ts";
import type { CloudHttp, CloudRequest } from "./cloudHttp.ts";
import { FileHash } from "./fileHash.ts";
import type { Protocol, WriteOptions } from "./filesystem.ts";
import { isUnchanged, readAt, wrongBytes } from "./uploadFile.ts";

/** A multiple of 256 KiB, as Google's services ask. */
const CHUNK = 16 << 20;
/** Pieces in memory, of all uploads together (bytes). */
const buffers: BufferPool = new BufferPool(64 << 20);
const BOUNDARY = "=-holdfast-part-7c1b5d0e94f24f0c8a";
const JSON_TYPE = "application/json; charset=UTF-8";
const TYPE = "application/octet-stream";

/** Where a file goes, and the request that begins an upload of it. */
export interface ResumableTarget {
  readonly http: CloudHttp;
  readonly protocol: Protocol;
  /** `description`: JSON. */
  readonly begin: Pick<CloudRequest, "method" | "path" | "about"> & { readonly description: string };
}

/** What came of an upload. */
export interface Uploaded {
  /** The server's description of the finished object. */
  readonly body: Buffer;
  /** Hex, of what was sent. */
  readonly md5: string;
  /** Bytes. */
  readonly size: number;
}

/** Headers and body of a request that holds a JSON description and the bytes (RFC 2387). */
export function relatedBody(description: string, bytes: Uint8Array): Required<Pick<CloudRequest, "headers" | "body">> {
  const begin = `--${BOUNDARY}\r\ncontent-type: ${JSON_TYPE}\r\n\r\n${description}`;
  const body = Buffer.concat([
    Buffer.from(`${begin}\r\n--${BOUNDARY}\r\ncontent-type: ${TYPE}\r\n\r\n`),
    bytes,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);
  return { headers: { "content-type": `multipart/related; boundary="${BOUNDARY}"` }, body };
}

/**
 * Sends a large local file in pieces of one resumable upload of Google's kind while a thread hashes it. The last piece,
 * with which the object appears, is sent only when the hash is the one asked for. After a failure the service is asked how
 * far it got. Memory: one piece, and no more than 64 MiB for all uploads.
 * @throws {StorageError, CorruptObjectError}
 */
export async function uploadResumably(to: ResumableTarget, file: string, options: WriteOptions): Promise<Uploaded> {
  const fd = openSync(file, "r");
  const hash = new FileHash(file);
  try {
    const before = fstatSync(fd, { bigint: true });
    const size = Number(before.size);
    const digest = hash.finish(size);
    const session = await begin(to, size, options);
    return await sendPieces(to, session, fd, size, options, async () => {
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

async function begin({ http, protocol, begin }: ResumableTarget, size: number, options: WriteOptions): Promise<string> {
  const { description, ...request } = begin;
  const answer = await http.send({
    ...request,
    headers: {
      "content-type": JSON_TYPE,
      "x-upload-content-type": TYPE,
      "x-upload-content-length": String(size),
    },
    body: Buffer.from(description),
    signal: options.signal,
  });
  const { about } = request;
  const location = answer.headers["location"] ?? "";
  if (!URL.canParse(location))
    throw new StorageError(`'${about}': the server gave no place for the upload`, { protocol, path: about });
  // Only its path: where requests and credentials go is not for an answer to say.
  const { pathname, search } = new URL(location);
  return pathname + search;
}

async function sendPieces(
  { http, protocol, begin: { about } }: ResumableTarget,
  session: string,
  fd: number,
  size: number,
  options: WriteOptions,
  digest: () => Promise<string>,
): Promise<Uploaded> {
  const { signal } = options;
  const most = Math.min(CHUNK, size);
  let at = 0;
  let counted = 0;
  const count = (upTo: number): void => {
    options.onBytes?.(upTo - counted);
    counted = upTo;
  };
  try {
    let md5: string | undefined;
    for (;;) {
      const isLast = at + most >= size;
      if (isLast) md5 ??= await digest();
      const body = await buffers.use(most, (buffer) => http.attempt(signal, () => pieceFrom(buffer)));
      if (typeof body === "number") at = body;
      count(typeof body === "number" ? at : size);
      if (typeof body !== "number") return { body, md5: md5 ?? (await digest()), size };
    }
  } catch (error) {
    if (signal?.aborted === true || error instanceof CorruptObjectError) await drop(http, session, about);
    throw error;
  }

  /** Sends the next bytes; after a failure that may pass, asks how far it got. */
  async function pieceFrom(buffer: Buffer): Promise<number | Buffer> {
    const length = Math.min(most, size - at);
    try {
      return await piece(
        readAt(fd, buffer, at, length),
        `bytes ${String(at)}-${String(at + length - 1)}/${String(size)}`,
      );
    } catch (error) {
      if (!(error instanceof StorageError) || !error.retryable) throw error;
      const done = await piece(undefined, `bytes */${String(size)}`).catch(() => undefined);
      if (done !== undefined) return done;
      throw error;
    }
  }

  /** Sends bytes, or asks how far it got; the number of bytes there, or the description of the finished object. */
  async function piece(bytes: Uint8Array | undefined, range: string): Promise<number | Buffer> {
    const answer = await http.receive({
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
    if (there < size && (bytes === undefined || there > at)) return there;
    throw new StorageError(`'${about}': the server took nothing`, { protocol, path: about, retryable: true });
  }
}

async function drop(http: CloudHttp, session: string, about: string): Promise<void> {
  const request = { method: "DELETE", path: session, about, accept: [499, 404, 405] } as const;
  await http.receive(request).catch(() => undefined);
}
