import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync } from "node:fs";
import type { Stats } from "ssh2";
import { md5Hex } from "./fileHash.ts";
import type { Done, SftpChannel } from "./sshConnection.ts";
import { isUnchanged, readAt } from "./uploadFile.ts";

/** Bytes of one request; servers that take less get it in pieces. */
const CHUNK = 128 << 10;
/** Requests under way at once: enough for a link of 400 MB/s and 10 ms. */
const IN_FLIGHT = 32;

/** Calls `work` with an open file and closes it. `flags`: `r`, or `w` for a new file, over what is there. */
export async function withFile<T>(
  channel: SftpChannel,
  path: string,
  flags: "r" | "w",
  work: (handle: Buffer) => Promise<T>,
): Promise<T> {
  const handle = await channel.call<Buffer>((sftp, done) => {
    sftp.open(path, flags, done);
  });
  const close = (): Promise<undefined> =>
    channel.call((sftp, done: Done<undefined>) => {
      sftp.close(handle, (error) => {
        done(error, undefined);
      });
    });
  let result: T;
  try {
    result = await work(handle);
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  // What was read is whole already; what was written may fail until here.
  await close();
  return result;
}

/** Size of an open file. */
export async function sizeOf(channel: SftpChannel, handle: Buffer): Promise<number> {
  const { size } = await channel.call<Stats>((sftp, done) => {
    sftp.fstat(handle, done);
  });
  return size;
}

/** The bytes of an open file from `start` to `end`, in order, requested ahead. Ends early where the file does. */
export async function* chunksOf(
  channel: SftpChannel,
  handle: Buffer,
  { start, end, signal }: { readonly start: number; readonly end: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Buffer> {
  const ahead: Promise<Buffer>[] = [];
  for (let at = start; at < end || ahead.length > 0;) {
    signal?.throwIfAborted();
    while (at < end && ahead.length < IN_FLIGHT) {
      const length = Math.min(CHUNK, end - at);
      const coming = readExactly(channel, handle, at, length);
      coming.catch(() => undefined);
      ahead.push(coming);
      at += length;
    }
    const chunk = await ahead.shift();
    if (chunk === undefined || chunk.length === 0) return;
    yield chunk;
  }
}

async function readExactly(channel: SftpChannel, handle: Buffer, start: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const count = await channel.call<number>((sftp, answered) => {
      sftp.read(handle, buffer, done, length - done, start + done, answered);
    });
    if (count === 0) break;
    done += count;
  }
  return buffer.subarray(0, done);
}

/** Writes bytes in memory. @returns their hex md5 */
export async function writeBytes(channel: SftpChannel, handle: Buffer, bytes: Uint8Array): Promise<string> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < all.length; at += CHUNK * IN_FLIGHT) {
    const group: Promise<undefined>[] = [];
    for (let part = at; part < Math.min(all.length, at + CHUNK * IN_FLIGHT); part += CHUNK)
      group.push(writeAt(channel, handle, all.subarray(part, part + CHUNK), part));
    await Promise.all(group);
  }
  return md5Hex(bytes);
}

/** Writes a local file, several requests at once. @returns hex md5 of what was sent, and whether the file stayed as it was */
export async function writeFileTo(
  channel: SftpChannel,
  handle: Buffer,
  { file, size }: { readonly file: string; readonly size: number },
  onBytes: (count: number) => void,
  signal: AbortSignal | undefined,
): Promise<{ readonly md5: string; readonly sent: number; readonly isWhole: boolean }> {
  const fd = openSync(file, "r");
  const hash = createHash("md5");
  const underWay = new Set<Promise<void>>();
  let failure: unknown;
  let sent = 0;
  try {
    const before = fstatSync(fd, { bigint: true });
    while (sent < size && failure === undefined) {
      signal?.throwIfAborted();
      const chunk = readAt(fd, Buffer.allocUnsafe(Math.min(CHUNK, size - sent)), sent, Math.min(CHUNK, size - sent));
      if (chunk.length === 0) break;
      hash.update(chunk);
      const writing: Promise<void> = writeAt(channel, handle, chunk, sent)
        .then(
          () => {
            onBytes(chunk.length);
          },
          (error: unknown) => {
            failure ??= error;
          },
        )
        .finally(() => underWay.delete(writing));
      underWay.add(writing);
      sent += chunk.length;
      if (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
    }
    await Promise.all(underWay);
    if (failure !== undefined) throw failure as Error;
    return { md5: hash.digest("hex"), sent, isWhole: sent === size && isUnchanged(fd, before) };
  } finally {
    await Promise.all(underWay);
    closeSync(fd);
  }
}

function writeAt(channel: SftpChannel, handle: Buffer, bytes: Buffer, position: number): Promise<undefined> {
  return channel.call((sftp, done: Done<undefined>) => {
    sftp.write(handle, bytes, 0, bytes.length, position, (error) => {
      done(error, undefined);
    });
  });
}
