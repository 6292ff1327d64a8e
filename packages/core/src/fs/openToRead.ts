import { closeSync, constants, fstatSync, openSync, type Stats } from "node:fs";
import { StorageError } from "../base/errors.ts";

/** Flags to open a file that others may have put there: for a pipe nobody waits. Whoever uses them alone looks himself at what was opened. */
export const WITHOUT_WAITING: number = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Opens a file that others may have put there. What is none is neither waited for, as for a pipe, nor read without end, as a
 * device. A folder is opened: to read from it is the system's error.
 * @returns the descriptor; who opens closes
 * @throws {StorageError} for a pipe, socket or device; the system's error when it can't be opened
 */
export function openToRead(path: string): number {
  const fd = openSync(path, WITHOUT_WAITING);
  try {
    refuseEndless(path, fstatSync(fd));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** @throws {StorageError} for what `openToRead` would not open */
export function refuseEndless(path: string, found: Stats): void {
  if (!found.isFile() && !found.isDirectory())
    throw new StorageError(`'${path}' is neither a file nor a folder (a pipe, socket or device)`, {
      protocol: "local",
      path,
      code: "storage",
    });
}
