import { type BigIntStats, fstatSync, readSync } from "node:fs";
import { CorruptObjectError } from "../base/errors.ts";

/** A part of a file, into `buffer`; shorter where the file ends. */
export function readAt(fd: number, buffer: Buffer, start: number, length: number): Buffer {
  let done = 0;
  while (done < length) {
    const count = readSync(fd, buffer, done, length - done, start + done);
    if (count === 0) break;
    done += count;
  }
  return buffer.subarray(0, done);
}

/** Whether a file has the size and time that it had. */
export function isUnchanged(fd: number, before: BigIntStats): boolean {
  const after = fstatSync(fd, { bigint: true });
  return after.size === before.size && after.mtimeNs === before.mtimeNs;
}

/** The error for bytes that are not those that were to be sent. */
export function wrongBytes(path: string, expected: string, actual: string): CorruptObjectError {
  return new CorruptObjectError(`'${path}' is damaged: its bytes have the md5 ${actual} instead of ${expected}`, {
    path,
    expected,
    actual,
    hint: "It was not sent.",
  });
}
