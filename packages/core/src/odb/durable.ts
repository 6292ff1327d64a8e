import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { syncFolder } from "../fs/atomic.ts";
import { ofFile } from "../base/ofFile.ts";

/** Up to this many files are flushed one by one; beyond, the whole file system is, once. */
export const FLUSH_SINGLY = 32;

/**
 * Makes files that were just written and renamed safe against power loss. A few are flushed one by one (1-10 ms each),
 * many by one sync of the file system that `root` lies on. Files that have gone meanwhile are passed over.
 */
export function makeDurable(root: OsPath, paths: readonly OsPath[]): void {
  if (paths.length === 0) return;
  if (paths.length > FLUSH_SINGLY && syncFileSystem(root)) return;
  for (const path of paths) syncFile(path);
  for (const folder of new Set(paths.map((path) => dirname(path)))) syncFolder(folder);
}

/** Flushes one file; one that has gone meanwhile is passed over. @throws the file system's error. */
export function syncFile(path: OsPath): void {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    // Moved or collected meanwhile. What can't be opened for another reason is not safe.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  ofFile(path, () => {
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  });
}

/** One flush of a whole file system through the system's own program; false where there is none. */
export function syncFileSystem(folder: OsPath): boolean {
  if (process.platform !== "linux") return false;
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  return spawnSync("sync", ["-f", folder], { stdio: "ignore" }).status === 0;
}

/** The same beside other work: resolves to false where there is no such program, or it fails. */
export function startSync(folder: OsPath): Promise<boolean> {
  if (process.platform !== "linux") return Promise.resolve(false);
  const { spawn } = process.getBuiltinModule("node:child_process");
  return new Promise((resolve) => {
    const child = spawn("sync", ["-f", folder], { stdio: "ignore" });
    child.once("error", () => {
      resolve(false);
    });
    child.once("exit", (code) => {
      resolve(code === 0);
    });
  });
}
