import { createHash } from "node:crypto";
import { StorageError } from "../base/errors.ts";
import { mapBounded } from "../base/pool.ts";
import { FileHash } from "./fileHash.ts";
import type { DownloadOptions, Downloaded } from "./filesystem.ts";
import type { AnswerHeaders } from "./httpAnswer.ts";
import { cutShort } from "./httpFailure.ts";
import { RangedFile } from "./rangedFile.ts";
import type { S3Client, S3Request } from "./s3Client.ts";
import { S3AnswerError } from "./s3Errors.ts";
import { writeAt } from "./streamDownload.ts";

/** Larger objects come in ranges, several at once. */
const PARALLEL_FROM = 32 << 20;
const RANGE_BYTES = 16 << 20;
/** A range that is cut is gone on with behind the last whole piece of this size. */
const PIECE_BYTES = 4 << 20;
const PARALLEL = 4;
/** S3's code for an object that is no longer the one that `If-Match` names. */
const REPLACED = "PreconditionFailed";

/** Where to fetch from and what to send along. */
export type GetRequest = Omit<S3Request, "method" | "body">;

/** Who asks for the bytes: S3's client, or another storage's that is laid out like it (bucket, key, ETag, If-Match). */
export type RangeSource = Pick<S3Client, "attempt" | "receive" | "nameOf" | "protocol">;

/** An object too large for one answer. */
interface LargeObject {
  readonly size: number;
  readonly etag: string;
}

/**
 * Fetches an object into the new local file `to`. The first request asks for the whole; when the answer turns out large,
 * it is broken off and all comes in ranges (`If-Match`: all of one and the same object; one that was replaced meanwhile is
 * fetched from its beginning, once). Bytes go straight to their place in the file, so memory stays flat. A server that knows
 * no ranges is asked for the whole after all. Ranges that a failed try, or with `notes` an earlier run, brought are not fetched
 * again; of what an earlier run left, ranges are asked for at once.
 * @throws {StorageError}
 */
export async function downloadObject(
  client: RangeSource,
  get: GetRequest,
  to: string,
  options: DownloadOptions,
): Promise<Downloaded> {
  const file = new RangedFile(to, options.mode, options.notes);
  let rangesWork = get.headers?.["range"] === undefined;
  let wasReplaced = false;
  let left = rangesWork ? options.notes?.left() : undefined;
  const once = async (): Promise<Downloaded> => {
    const found = left?.range === PIECE_BYTES ? left : await inOrder(client, get, file, options, rangesWork);
    left = undefined;
    if (!("etag" in found)) return found;
    try {
      return await inRanges(client, get, found, file, options);
    } catch (error) {
      if (error instanceof NoRangesError) rangesWork = false;
      // Somebody put the object there a second time, in other parts perhaps: what is there now may be fetched.
      else if (isReplaced(error) && !wasReplaced) wasReplaced = true;
      else throw error;
      return once();
    }
  };
  try {
    return await client.attempt(options.signal, once);
  } finally {
    await file.close();
  }
}

function isReplaced(error: unknown): boolean {
  return error instanceof S3AnswerError && error.reason === REPLACED;
}

async function inOrder(
  client: RangeSource,
  get: GetRequest,
  file: RangedFile,
  options: DownloadOptions,
  mayBeLarge: boolean,
): Promise<Downloaded | LargeObject> {
  const hash = createHash("md5");
  let size = 0;
  let large: LargeObject | undefined;
  const request = { ...get, method: "GET", signal: options.signal } as const;
  try {
    const { headers } = await client.receive(request, (_status, head) => {
      large = mayBeLarge ? largeObject(head) : undefined;
      if (large !== undefined) return () => false;
      file.clear();
      return (chunk) => {
        hash.update(chunk);
        writeAt(file.fd, chunk, size);
        size += chunk.length;
        options.onBytes?.(chunk.length);
        return undefined;
      };
    });
    if (large !== undefined) return large;
    const expected = Number(headers["content-length"] ?? NaN);
    if (Number.isFinite(expected) && size !== expected) throw cutShort(client.nameOf(get), undefined, client.protocol);
  } catch (error) {
    // What is fetched again is not counted twice.
    options.onBytes?.(-size);
    throw error;
  }
  return { md5: hash.digest("hex"), size };
}

function largeObject(headers: AnswerHeaders): LargeObject | undefined {
  const size = Number(headers["content-length"] ?? NaN);
  const etag = headers["etag"];
  return size > PARALLEL_FROM && etag !== undefined ? { size, etag } : undefined;
}

async function inRanges(
  client: RangeSource,
  get: GetRequest,
  { size, etag }: LargeObject,
  file: RangedFile,
  options: DownloadOptions,
): Promise<Downloaded> {
  const there = file.begin({ etag, size, range: PIECE_BYTES });
  const hash = new FileHash(file.path);
  const frontier = new Frontier((offset) => {
    hash.advance(offset);
  });
  const endOf = (start: number, length: number): number => Math.min(size, start + length);
  /** Where in a range the first piece is missing. */
  const restOf = (start: number): number => {
    let at = start;
    while (at < endOf(start, RANGE_BYTES) && there.has(at)) at += PIECE_BYTES;
    return at;
  };
  const starts = Array.from({ length: Math.ceil(size / RANGE_BYTES) }, (_, i) => i * RANGE_BYTES);
  let received = 0;
  const onBytes = (count: number): void => {
    received += count;
    options.onBytes?.(count);
  };
  try {
    for (const start of there) {
      onBytes(endOf(start, PIECE_BYTES) - start);
      frontier.done(start, endOf(start, PIECE_BYTES));
    }
    await mapBounded(
      starts.filter((start) => restOf(start) < endOf(start, RANGE_BYTES)),
      PARALLEL,
      (start) =>
        client.attempt(options.signal, async () => {
          const range = { start: restOf(start), end: endOf(start, RANGE_BYTES), size };
          const onPiece = (piece: number): void => {
            file.done(piece);
            frontier.done(piece, endOf(piece, PIECE_BYTES));
          };
          if (range.start < range.end)
            await fetchRange(client, get, etag, file.fd, range, { ...options, onBytes, onPiece });
        }),
      options.signal,
    );
    return { md5: await hash.finish(size), size };
  } catch (error) {
    options.onBytes?.(-received);
    throw error;
  } finally {
    await hash.stop();
  }
}

/** Fetches one range to its place, and tells of each piece that is whole. @throws {StorageError} retryable, when it is cut short or the object was replaced. */
async function fetchRange(
  client: RangeSource,
  get: GetRequest,
  etag: string,
  fd: number,
  { start, end, size }: { readonly start: number; readonly end: number; readonly size: number },
  options: DownloadOptions & { readonly onPiece: (start: number) => void },
): Promise<void> {
  const headers = { ...get.headers, range: `bytes=${String(start)}-${String(end - 1)}`, "if-match": etag };
  const request = { ...get, method: "GET", headers, signal: options.signal } as const;
  let at = start;
  let piece = start;
  try {
    await client.receive(request, (status, head) => {
      checkRange(client.nameOf(get), status, head, `bytes ${String(start)}-${String(end - 1)}/${String(size)}`, etag);
      return (chunk) => {
        const part = at + chunk.length > end ? chunk.subarray(0, end - at) : chunk;
        writeAt(fd, part, at);
        at += part.length;
        options.onBytes?.(part.length);
        for (; at >= Math.min(end, piece + PIECE_BYTES) && piece < end; piece += PIECE_BYTES) options.onPiece(piece);
        return undefined;
      };
    });
    if (at !== end) throw cutShort(client.nameOf(get), undefined, client.protocol);
  } catch (error) {
    options.onBytes?.(Math.min(piece, at) - at);
    throw error;
  }
}

/** An answer of other bytes than those asked for must not get to their place. */
function checkRange(url: string, status: number, headers: AnswerHeaders, range: string, etag: string): void {
  if (status !== 206 || headers["content-range"] !== range) throw new NoRangesError(url);
  if (headers["etag"] === undefined || headers["etag"] === etag) return;
  throw new S3AnswerError(`'${url}' was replaced while it was fetched`, REPLACED, { protocol: "s3", path: url });
}

/** The server answers ranges with something else: the whole must be asked for. */
class NoRangesError extends StorageError {
  constructor(url: string) {
    super(`the server gave other bytes of '${url}' than it was asked for`, {
      protocol: "s3",
      path: url,
    });
  }
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
