import { createHash } from "node:crypto";
import { CorruptObjectError } from "../base/errors.ts";
import { FileHash } from "./fileHash.ts";
import type { WriteOptions } from "./filesystem.ts";
import { sendFileTo, type StreamedUpload } from "./streamUpload.ts";

/**
 * Sends a local file in one request and hashes what is sent; `onBytes` hears of it, and takes it back when the connection
 * breaks. Rejects with the system's own errors.
 */
export async function countedUpload(
  place: URL,
  upload: Omit<StreamedUpload, "onChunk">,
  { onBytes }: WriteOptions,
): Promise<{ status: number; md5: string }> {
  const hash = createHash("md5");
  let sent = 0;
  const onChunk = (chunk: Buffer): void => {
    hash.update(chunk);
    sent += chunk.length;
    onBytes?.(chunk.length);
  };
  try {
    const { status } = await sendFileTo(place, { ...upload, onChunk });
    // A server that refuses answers before it has taken all.
    if (sent !== upload.size) onBytes?.(upload.size - sent);
    return { status, md5: hash.digest("hex") };
  } catch (error) {
    onBytes?.(-sent);
    throw error;
  }
}

/** Hashes a file as a whole, beside. */
export async function md5OfFile(file: string, size: number): Promise<string> {
  const hash = new FileHash(file);
  try {
    return await hash.finish(size);
  } finally {
    await hash.stop();
  }
}

/** @throws {CorruptObjectError} when the bytes for `url` are not those that were wanted */
export function checkHash(url: string, actual: string, { md5: expected }: WriteOptions): void {
  if (expected === undefined || expected === actual) return;
  throw new CorruptObjectError(`what was to be sent to '${url}' has the hash ${actual}`, {
    path: url,
    expected,
    actual,
  });
}
