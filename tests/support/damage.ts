import { chmodSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";

/** Changes a file behind everybody's back, with mode and times as before: a failing disk. */
function quietly(file: string, change: (bytes: Buffer) => void): void {
  const { atime, mtime, mode } = statSync(file);
  chmodSync(file, 0o644);
  change(readFileSync(file));
  chmodSync(file, mode & 0o7777);
  utimesSync(file, atime, mtime);
}

/** Flips one bit, of the byte at `at`. */
export function flip(file: string, at = 0): void {
  quietly(file, (bytes) => {
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
  });
}

/** Cuts the last byte off. */
export function shorten(file: string): void {
  quietly(file, (bytes) => {
    truncateSync(file, Math.max(0, bytes.length - 1));
  });
}
