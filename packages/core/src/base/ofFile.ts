import type { OsPath } from "./paths.ts";

/** Runs `work` on an open file: an error of the system, which then says only what could not be done, gets the name of the file. */
export function ofFile<T>(path: OsPath, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    if (failure.syscall !== undefined && failure.path === undefined) failure.path = path;
    throw error;
  }
}
