import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import type { StorageError } from "../base/errors.ts";
import { FileHash } from "./fileHash.ts";
import type { Downloaded, DownloadOptions, FetchedObject } from "./filesystem.ts";
import type { AnswerHeaders, BodySink } from "./httpAnswer.ts";
import { RangedFile } from "./rangedFile.ts";

/** Smaller files begin anew: that costs less than to note how far they came (bytes). */
const NOTED_FROM = 8 << 20;
/** How often it is noted how far a file came; so much may come twice (bytes). */
const RANGE_BYTES = 4 << 20;

/** What a storage tells of a file before its bytes come. */
export interface Coming {
  /** Where in the file they belong; undefined: what comes is not what was asked for. */
  readonly start: number | undefined;
  /** Bytes of the whole file; undefined where nobody can say. */
  readonly size: number | undefined;
  /** Tells the file's bytes from others of its name; undefined where nothing does. */
  readonly etag: string | undefined;
}

/** A file whose beginning is in place. */
export interface Begun extends Omit<FetchedObject, "range"> {
  /** Where the rest begins. */
  readonly start: number;
}

/** How a storage gives the bytes of a file in order. */
export interface InOrder {
  /** Tries again what may pass. */
  readonly attempt: <T>(work: () => Promise<T>) => Promise<T>;
  /**
   * Asks once for all bytes, or for the rest of a file. `accept` hears what comes before the first byte does, and says where
   * it goes; undefined: nothing is wanted after all. A storage that gives no rest, or another file by now, gives all.
   */
  readonly pour: (rest: Begun | undefined, accept: (coming: Coming) => BodySink | undefined) => Promise<void>;
  /** The error for another number of bytes. */
  readonly otherSize: (received: number, expected: number) => StorageError;
}

/**
 * Fetches a file into the new local file `to`. With `notes`, a large one goes on where an earlier try or run ended; without, who
 * calls has nothing to verify such a file by, and each try begins anew.
 * @throws {StorageError}
 */
export async function downloadInOrder(to: string, from: InOrder, options: DownloadOptions): Promise<Downloaded> {
  options.signal?.throwIfAborted();
  const file = new ComingFile(to, from, options);
  try {
    return await from.attempt(() => file.fetch());
  } catch (error) {
    file.takeBack();
    throw error;
  } finally {
    await file.close();
  }
}

/** A file on its way, over several tries. */
class ComingFile {
  readonly #from: InOrder;
  readonly #options: DownloadOptions;
  readonly #file: RangedFile;
  /** What the notes are about; undefined: none are kept. */
  #object: FetchedObject | undefined;
  /** Up to here it is noted that all bytes are in place. */
  #noted = 0;
  #mayGoOn: boolean;
  #at = 0;
  #counted = 0;

  constructor(to: string, from: InOrder, options: DownloadOptions) {
    this.#from = from;
    this.#options = options;
    this.#mayGoOn = options.notes !== undefined;
    this.#file = new RangedFile(to, options.mode, options.notes);
    const left = options.notes?.left();
    if (left?.range === RANGE_BYTES) this.#takeUp(left);
  }

  /** Tries once. */
  async fetch(): Promise<Downloaded> {
    const object = this.#object;
    const rest = object !== undefined && this.#noted > 0 ? { ...object, start: this.#noted } : undefined;
    let digest: Digest | undefined;
    let expected = rest?.size;
    try {
      if (rest === undefined || rest.start < rest.size)
        await this.#from.pour(rest, (coming) => {
          expected = this.#options.size ?? coming.size;
          if (coming.size !== undefined && coming.size !== expected)
            throw this.#from.otherSize(coming.size, expected ?? 0);
          if (!this.#begin(coming, rest)) return undefined;
          digest = this.#digest();
          return this.#sink(digest);
        });
      else {
        this.#startAt(rest.start);
        digest = this.#digest();
      }
      if (digest === undefined) return await this.fetch();
      if (expected !== undefined && this.#at !== expected) throw this.#from.otherSize(this.#at, expected);
      const pieced = digest instanceof StreamDigest ? {} : ({ isPieced: true } as const);
      return { md5: await digest.finish(this.#at), size: this.#at, ...pieced };
    } finally {
      await digest?.stop();
    }
  }

  /** What was counted has not come. */
  takeBack(): void {
    this.#countTo(0);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Makes the file ready for what comes. @returns false when something else is to be asked for */
  #begin(coming: Coming, rest: Begun | undefined): boolean {
    if (coming.start === rest?.start && rest !== undefined) {
      this.#startAt(rest.start);
      return true;
    }
    // Asked for the rest of just this file, it gives something else: from now on all is asked for.
    if (rest !== undefined && coming.etag === rest.etag) this.#mayGoOn = false;
    const object = this.#mayGoOn ? worthNoting(coming) : undefined;
    if (object === undefined) this.#clear();
    else this.#takeUp(object);
    this.#startAt(this.#noted);
    return coming.start === 0 && this.#noted === 0;
  }

  #clear(): void {
    this.#file.clear();
    this.#object = undefined;
    this.#noted = 0;
  }

  /** What an earlier try or run has brought of it is in place then. */
  #takeUp(object: FetchedObject): void {
    this.#object = object;
    this.#noted = frontier(this.#file.begin(object), object.size);
  }

  #startAt(at: number): void {
    this.#at = at;
    this.#countTo(at);
  }

  #countTo(at: number): void {
    if (at !== this.#counted) this.#options.onBytes?.(at - this.#counted);
    this.#counted = at;
  }

  /** A thread for each of many files would cost more than it saves: only what is there already is read from the file. */
  #digest(): Digest {
    return this.#at === 0 ? new StreamDigest() : new FileDigest(this.#file.path);
  }

  #sink(digest: Digest): BodySink {
    return (chunk) => {
      writeAt(this.#file.fd, chunk, this.#at);
      this.#at += chunk.length;
      digest.add(chunk);
      this.#countTo(this.#at);
      this.#note(digest);
      return undefined;
    };
  }

  #note(digest: Digest): void {
    const object = this.#object;
    if (object === undefined) return;
    for (;;) {
      const end = Math.min(object.size, this.#noted + RANGE_BYTES);
      if (end > this.#at || end === this.#noted) return;
      this.#file.done(this.#noted);
      this.#noted = end;
      digest.reached(end);
    }
  }
}

function worthNoting({ start, size, etag }: Coming): FetchedObject | undefined {
  const isWorth = start !== undefined && size !== undefined && etag !== undefined && size >= NOTED_FROM;
  return isWorth ? { etag, size, range: RANGE_BYTES } : undefined;
}

/** Up to where ranges leave no gap. */
function frontier(starts: ReadonlySet<number>, size: number): number {
  let at = 0;
  while (at < size && starts.has(at)) at += RANGE_BYTES;
  return Math.min(at, size);
}

/** The md5 of a file that comes in order. */
interface Digest {
  add(chunk: Buffer): void;
  /** The file is in place up to there. */
  reached(offset: number): void;
  finish(size: number): Promise<string>;
  stop(): Promise<void>;
}

/** Of bytes as they come. */
class StreamDigest implements Digest {
  readonly #hash = createHash("md5");

  add(chunk: Buffer): void {
    this.#hash.update(chunk);
  }

  reached(): void {
    // Nothing is read from the file.
  }

  finish(): Promise<string> {
    return Promise.resolve(this.#hash.digest("hex"));
  }

  async stop(): Promise<void> {
    // Nothing runs.
  }
}

/** Of the file itself, with what was there before; on a thread of its own. */
class FileDigest implements Digest {
  readonly #hash: FileHash;

  constructor(path: string) {
    this.#hash = new FileHash(path);
  }

  add(): void {
    // It is read from the file.
  }

  reached(offset: number): void {
    this.#hash.advance(offset);
  }

  finish(size: number): Promise<string> {
    return this.#hash.finish(size);
  }

  stop(): Promise<void> {
    return this.#hash.stop();
  }
}

/** Where the bytes of an HTTP answer to a request for all, or for the rest, of a file belong; undefined: nowhere. */
export function placeOfAnswer(status: number, headers: AnswerHeaders, rest: Begun | undefined): number | undefined {
  if (status !== 206 || rest === undefined) return 0;
  const last = String(rest.size - 1);
  const range = `bytes ${String(rest.start)}-${last}/${String(rest.size)}`;
  return headers["content-range"] === range ? rest.start : undefined;
}

/** The header that asks for the rest of a file. */
export function restHeaders(rest: Begun | undefined): Record<string, string> {
  return rest === undefined ? {} : { range: `bytes=${String(rest.start)}-` };
}

/** Writes all of `bytes` at a place of a file. */
export function writeAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
