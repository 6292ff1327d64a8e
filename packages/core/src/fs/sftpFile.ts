import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync } from "node:fs";
import type { Stats } from "ssh2";
import type { SftpChannel } from "./sshConnection.ts";
import { isUnchanged, readAt } from "./uploadFile.ts";

/** Bytes of one request; servers that take less get it in pieces. */
const CHUNK = 128 << 10;
/** Bytes of the first request, when nobody knows how many there are. */
const FIRST = 32 << 10;
/** Requests under way at once for one file: enough for a link of 400 MB/s and 10 ms. */
const IN_FLIGHT = 32;
/** For all files of a connection together: many large ones take no more memory than a few. */
const ALL_IN_FLIGHT = 48;

/** Files that bytes are read from or written to, by connection. */
const busy = new WeakMap<SftpChannel, number>();

/** Counts a file of a connection, or counts it no more. */
function count(channel: SftpChannel, by: 1 | -1): void {
  busy.set(channel, (busy.get(channel) ?? 0) + by);
}

/** Requests that one of the files may have under way now. */
function share(channel: SftpChannel): number {
  return Math.max(2, Math.min(IN_FLIGHT, Math.floor(ALL_IN_FLIGHT / (busy.get(channel) ?? 1))));
}

/** `r`, `w` for a new file, over what is there, or `r+` to change what is there. */
type Flags = "r" | "r+" | "w";

/** Opens a file. @returns its handle, which must be closed */
export function openFile(channel: SftpChannel, path: string, flags: Flags): Promise<Buffer> {
  return channel.call((sftp, done) => {
    sftp.open(path, flags, done);
  });
}

/** Closes a file; what was written may fail until here. */
export function closeFile(channel: SftpChannel, handle: Buffer): Promise<void> {
  return channel.tell((sftp, done) => {
    sftp.close(handle, done);
  });
}

/** Calls `work` with an open file and closes it. Of one that was only read nobody waits for that: requests are served in order. */
export async function withFile<T>(
  channel: SftpChannel,
  path: string,
  flags: Flags,
  work: (handle: Buffer) => Promise<T>,
): Promise<T> {
  const handle = await openFile(channel, path, flags);
  const close = (): Promise<void> => closeFile(channel, handle).catch(() => undefined);
  let result: T;
  try {
    result = await work(handle);
  } catch (error) {
    await close();
    throw error;
  }
  if (flags === "r") void close();
  else await closeFile(channel, handle);
  return result;
}

/** Size, times and permissions of an open file. */
export function statsOf(channel: SftpChannel, handle: Buffer): Promise<Stats> {
  return channel.call<Stats>((sftp, done) => {
    sftp.fstat(handle, done);
  });
}

/** Size of an open file. */
export async function sizeOf(channel: SftpChannel, handle: Buffer): Promise<number> {
  return (await statsOf(channel, handle)).size;
}

/** The bytes of an open file from `start` to `end`, in order, requested ahead. Ends early where the file does. */
export async function* chunksOf(
  channel: SftpChannel,
  handle: Buffer,
  { start, end, signal }: { readonly start: number; readonly end: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Buffer> {
  const ahead: Promise<Buffer>[] = [];
  count(channel, 1);
  try {
    for (let at = start; at < end || ahead.length > 0;) {
      signal?.throwIfAborted();
      while (at < end && ahead.length < share(channel)) {
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
  } finally {
    count(channel, -1);
  }
}

/** The beginning of an open file: as much as one request gives. */
export async function readFirst(channel: SftpChannel, handle: Buffer): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(FIRST);
  const count = await channel.call<number>((sftp, answered) => {
    sftp.read(handle, buffer, 0, FIRST, 0, answered);
  });
  return buffer.subarray(0, count);
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

/** What was sent: hex md5, and where it ends. */
interface Sent {
  readonly md5: string;
  readonly sent: number;
}

/** Writes bytes in memory. */
export function writeBytes(
  channel: SftpChannel,
  handle: Buffer,
  bytes: Uint8Array,
  onBytes: (count: number) => void,
  signal: AbortSignal | undefined,
): Promise<Sent> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunkAt = (start: number, length: number): Buffer => all.subarray(start, start + length);
  return writeChunks(channel, handle, { start: 0, size: all.length, chunkAt, onBytes, signal });
}

/**
 * Writes a local file from `start` on.
 * @returns md5 of what was sent, where the file ends, and whether it stayed as it was
 */
export async function writeFileTo(
  channel: SftpChannel,
  handle: Buffer,
  { file, size }: { readonly file: string; readonly size: number },
  call: Pick<Chunks, "start" | "onBytes" | "signal">,
): Promise<Sent & { readonly isWhole: boolean }> {
  const fd = openSync(file, "r");
  try {
    const before = fstatSync(fd, { bigint: true });
    const chunkAt = (start: number, length: number): Buffer => readAt(fd, Buffer.allocUnsafe(length), start, length);
    const done = await writeChunks(channel, handle, { ...call, size, chunkAt });
    return { ...done, isWhole: done.sent === size && isUnchanged(fd, before) };
  } finally {
    closeSync(fd);
  }
}

interface Chunks {
  /** Where to begin, and bytes in all. */
  readonly start: number;
  readonly size: number;
  /** The bytes at a place; none where they end early. They must stay as they are until written. */
  readonly chunkAt: (start: number, length: number) => Buffer;
  /** Hears how many more bytes have arrived. */
  readonly onBytes: (count: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Several requests are under way at once; all have ended when it returns or throws. */
async function writeChunks(
  channel: SftpChannel,
  handle: Buffer,
  { start, size, chunkAt, onBytes, signal }: Chunks,
): Promise<Sent> {
  const hash = createHash("md5");
  const underWay = new Set<Promise<void>>();
  let failure: unknown;
  let sent = start;
  count(channel, 1);
  try {
    while (sent < size && failure === undefined) {
      signal?.throwIfAborted();
      const chunk = chunkAt(sent, Math.min(CHUNK, size - sent));
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
      if (underWay.size >= share(channel)) await Promise.race(underWay);
    }
  } finally {
    count(channel, -1);
    await Promise.all(underWay);
  }
  if (failure !== undefined) throw failure as Error;
  return { md5: hash.digest("hex"), sent };
}

function writeAt(channel: SftpChannel, handle: Buffer, bytes: Buffer, position: number): Promise<void> {
  return channel.tell((sftp, done) => {
    sftp.write(handle, bytes, 0, bytes.length, position, done);
  });
}
