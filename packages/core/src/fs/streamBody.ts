import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import type { WriteOptions } from "./filesystem.ts";
import { checkHash } from "./webUpload.ts";

/** A body that is read while it is sent. `open` gives all of it from its beginning, anew for each try. */
export interface StreamBody {
  readonly byteLength: number;
  readonly open: () => Readable;
}

/** Whether a body is read while it is sent. */
export function isStreamBody(body: Uint8Array | StreamBody | undefined): body is StreamBody {
  return body !== undefined && !(body instanceof Uint8Array);
}

/**
 * Sends a local file to `url`, a MiB at a time, and hashes what is sent; `onBytes` hears of it, and takes back what a failed
 * try has sent. Memory: some MiB.
 * @throws what `send` throws; {CorruptObjectError} when other bytes went than were wanted: then they must not get a name
 */
export async function sendFile(
  { file, size }: { readonly file: string; readonly size: number },
  url: string,
  options: WriteOptions,
  send: (body: StreamBody) => Promise<unknown>,
): Promise<void> {
  let hash: Hash = createHash("md5");
  let sent = 0;
  const count = (bytes: number): void => {
    sent += bytes;
    options.onBytes?.(bytes);
  };
  const open = (): Readable => {
    const own = createHash("md5");
    hash = own;
    count(-sent);
    return createReadStream(file, { highWaterMark: 1 << 20 }).on("data", (chunk) => {
      // One that was given up may still have something to say.
      if (hash !== own) return;
      own.update(chunk);
      count(chunk.length);
    });
  };
  try {
    await send({ byteLength: size, open });
    checkHash(url, hash.copy().digest("hex"), options);
  } catch (error) {
    hash = createHash("md5");
    count(-sent);
    throw error;
  }
}
