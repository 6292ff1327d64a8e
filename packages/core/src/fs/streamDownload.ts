import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import type { StorageError } from "../base/errors.ts";
import type { Downloaded, DownloadOptions } from "./filesystem.ts";
import type { BodySink } from "./httpAnswer.ts";

/** How a storage gives the bytes of a file. */
export interface InOrder {
  /** Pours all bytes into `sink`; resolves to how many there had to be, undefined where nobody can say. */
  readonly receive: (sink: BodySink) => Promise<number | undefined>;
  /** The error for another number of bytes. */
  readonly otherSize: (received: number, expected: number) => StorageError;
}

/** Fetches a file once, from its beginning, into `fd`. What a failed try brought is taken off the count again. */
export async function downloadInOrder(fd: number, from: InOrder, options: DownloadOptions): Promise<Downloaded> {
  const hash = createHash("md5");
  let size = 0;
  try {
    const expected = await from.receive((chunk) => {
      hash.update(chunk);
      writeAt(fd, chunk, size);
      size += chunk.length;
      options.onBytes?.(chunk.length);
      return undefined;
    });
    if (expected !== undefined && size !== expected) throw from.otherSize(size, expected);
    return { md5: hash.digest("hex"), size };
  } catch (error) {
    options.onBytes?.(-size);
    throw error;
  }
}

/** Writes all of `bytes` at a place of a file. */
export function writeAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
