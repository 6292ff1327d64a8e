import { DvcError } from "../base/errors.ts";

const TEXTS: Readonly<Record<string, string>> = {
  ENOENT: "[Errno 2] No such file or directory",
  EACCES: "[Errno 13] Permission denied",
  EPERM: "[Errno 1] Operation not permitted",
  EIO: "[Errno 5] Input/output error",
  ENOSPC: "[Errno 28] No space left on device",
  EROFS: "[Errno 30] Read-only file system",
  ENOTDIR: "[Errno 20] Not a directory",
  EISDIR: "[Errno 21] Is a directory",
  ELOOP: "[Errno 40] Too many levels of symbolic links",
  ENAMETOOLONG: "[Errno 36] File name too long",
  EMFILE: "[Errno 24] Too many open files",
  EFBIG: "[Errno 27] File too large",
  EDQUOT: "[Errno 122] Disk quota exceeded",
};

/** An error of the operating system in Python's words; undefined for any other. */
export function systemText(error: Error): string | undefined {
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  const text = code === undefined || syscall === undefined ? undefined : TEXTS[code];
  return text === undefined || path === undefined ? text : `${text}: '${path}'`;
}

/**
 * An operating system's error in DVC's (Python's) words: `[Errno 2] No such file or directory: '/abs/path'`. `path`: what was
 * being done when it happened, for an error that names no file.
 */
export function ioError(error: unknown, path: string): DvcError {
  if (error instanceof DvcError) return error;
  const { code, message, path: own } = error as NodeJS.ErrnoException;
  const text = (code === undefined ? undefined : TEXTS[code]) ?? message;
  return new DvcError(`${text}: '${own ?? path}'`, { code: code === "ENOENT" ? "not-found" : "io", cause: error });
}
