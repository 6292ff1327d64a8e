import { CorruptObjectError } from "../base/errors.ts";
import { FileHash } from "./fileHash.ts";
import type { WriteOptions } from "./filesystem.ts";

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
