import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { StorageError } from "../base/errors.ts";
import { mapBounded } from "../base/pool.ts";
import { FileHash } from "./fileHash.ts";
import type { DownloadOptions, Downloaded } from "./filesystem.ts";
import { cutShort, urlOf, type S3Client, type S3Request } from "./s3Client.ts";

/** Larger objects come in ranges, several at once. */
const PARALLEL_FROM = 32 << 20;
const RANGE_BYTES = 16 << 20;
const PARALLEL = 4;

/** Where to fetch from and what to send along. */
export type GetRequest = Omit<S3Request, "method" | "body">;

/**
 * Fetches an object into the new local file `to`. The first request asks for the whole; when the answer turns out large,
 * only its beginning is read from it and the rest comes in ranges (`If-Match`: all of one and the same object). Chunks go
 * straight to their place in the file, so memory stays flat.
 * @throws {StorageError}
 */
export async function downloadObject(
  client: S3Client,
  get: GetRequest,
  to: string,
  options: DownloadOptions,
): Promise<Downloaded> {
  const fd = openSync(to, "wx", options.mode ?? 0o666);
  let begun = false;
  try {
    return await client.attempt(options.signal, async () => {
      if (begun) ftruncateSync(fd, 0);
      begun = true;
      const response = await client.open({ ...get, method: "GET", signal: options.signal });
      const size = Number(response.headers["content-length"] ?? NaN);
      const etag = response.headers.etag;
      if (!(size > PARALLEL_FROM) || etag === undefined || get.headers?.["range"] !== undefined)
        return inOrder(response, fd, size, get, options);
      return inRanges(
        client,
        { ...get, headers: { ...get.headers, "if-match": etag } },
        response,
        fd,
        to,
        size,
        options,
      );
    });
  } finally {
    closeSync(fd);
  }
}

async function inOrder(
  response: IncomingMessage,
  fd: number,
  expected: number,
  get: GetRequest,
  options: DownloadOptions,
): Promise<Downloaded> {
  const hash = createHash("md5");
  const size = await pour(response, get, (chunk, at) => {
    hash.update(chunk);
    writeAt(fd, chunk, at);
    options.onBytes?.(chunk.length);
  });
  if (Number.isFinite(expected) && size !== expected) throw cutShort(urlOf(get));
  return { md5: hash.digest("hex"), size };
}

async function inRanges(
  client: S3Client,
  get: GetRequest,
  first: IncomingMessage,
  fd: number,
  to: string,
  size: number,
  options: DownloadOptions,
): Promise<Downloaded> {
  const hash = new FileHash(to);
  const frontier = new Frontier((offset) => {
    hash.advance(offset);
  });
  const starts = Array.from({ length: Math.ceil(size / RANGE_BYTES) }, (_, i) => i * RANGE_BYTES);
  let whole: IncomingMessage | undefined = first;
  try {
    await mapBounded(
      starts,
      PARALLEL,
      (start) =>
        client.attempt(options.signal, async () => {
          const end = Math.min(size, start + RANGE_BYTES);
          const stream = start === 0 && whole !== undefined ? whole : await openRange(client, get, start, end, options);
          if (start === 0) whole = undefined;
          await pourRange(stream, get, fd, start, end, options);
          frontier.done(start, end);
        }),
      options.signal,
    );
    return { md5: await hash.finish(size), size };
  } finally {
    first.destroy();
    await hash.stop();
  }
}

function openRange(
  client: S3Client,
  get: GetRequest,
  start: number,
  end: number,
  options: DownloadOptions,
): Promise<IncomingMessage> {
  const range = `bytes=${String(start)}-${String(end - 1)}`;
  return client.open({ ...get, method: "GET", headers: { ...get.headers, range }, signal: options.signal });
}

/** Writes one range; a stream that goes on behind it (the first, of the whole object) is cut off. */
async function pourRange(
  stream: IncomingMessage,
  get: GetRequest,
  fd: number,
  start: number,
  end: number,
  options: DownloadOptions,
): Promise<void> {
  let done = 0;
  const length = end - start;
  try {
    await pour(stream, get, (chunk, at) => {
      const part = at + chunk.length > length ? chunk.subarray(0, length - at) : chunk;
      writeAt(fd, part, start + at);
      done += part.length;
      options.onBytes?.(part.length);
      return done < length;
    });
  } catch (error) {
    // What is fetched again is not counted twice.
    options.onBytes?.(-done);
    throw error;
  }
  if (done === length) return;
  options.onBytes?.(-done);
  throw cutShort(urlOf(get));
}

/** Reads a stream to its end, or until `take` says false. Bytes read. @throws {StorageError} retryable, when it breaks. */
async function pour(
  stream: IncomingMessage,
  get: GetRequest,
  take: (chunk: Buffer, at: number) => unknown,
): Promise<number> {
  let at = 0;
  const failed = await new Promise<unknown>((resolve) => {
    stream.on("data", (chunk: Buffer) => {
      try {
        const more = take(chunk, at);
        at += chunk.length;
        if (more === false) {
          resolve(undefined);
          if (!stream.complete) stream.destroy();
        }
      } catch (error) {
        resolve(error);
        stream.destroy();
      }
    });
    stream.once("end", () => {
      resolve(undefined);
    });
    stream.once("error", resolve);
    stream.once("close", () => {
      resolve(stream.complete ? undefined : new Error("closed"));
    });
  });
  if (failed === undefined) return at;
  if (failed instanceof StorageError || (failed as NodeJS.ErrnoException).syscall === "write") throw failed as Error;
  throw cutShort(urlOf(get), failed);
}

function writeAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/** Knows up to where ranges that end in any order leave no gap. */
class Frontier {
  readonly #onAdvance: (offset: number) => void;
  readonly #ends: Map<number, number> = new Map<number, number>();
  #at = 0;

  constructor(onAdvance: (offset: number) => void) {
    this.#onAdvance = onAdvance;
  }

  done(start: number, end: number): void {
    this.#ends.set(start, end);
    const before = this.#at;
    for (let next = this.#ends.get(this.#at); next !== undefined; next = this.#ends.get(this.#at)) {
      this.#ends.delete(this.#at);
      this.#at = next;
    }
    if (this.#at > before) this.#onAdvance(this.#at);
  }
}
