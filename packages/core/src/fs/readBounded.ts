import { lstatSync, readFileSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";

/**
 * Text, or without `encoding` bytes, of one of our own small files; undefined when it is not there, cannot be read, is no plain file,
 * or is larger than ours ever are: whatever lies there instead is not read.
 */
export function readBounded(path: OsPath, maxBytes: number, encoding: BufferEncoding): string | undefined;
export function readBounded(path: OsPath, maxBytes: number): Buffer | undefined;
export function readBounded(path: OsPath, maxBytes: number, encoding?: BufferEncoding): string | Buffer | undefined {
  try {
    const stat = lstatSync(path);
    return stat.isFile() && stat.size <= maxBytes ? readFileSync(path, encoding) : undefined;
  } catch {
    return undefined;
  }
}
