import { StorageError } from "../base/errors.ts";
import type { FsCaps, Info } from "./filesystem.ts";

/** What storages of files in folders have in common. `maxParallel`: requests at once. */
export function folderCaps(maxParallel: number): FsCaps {
  return { atomicWrite: true, ranges: true, versionIds: false, maxParallel, listPage: 1000, byFolder: true };
}

/** Deeper than that nobody lays folders (bytes of the path): a server may tell of ever another one. */
const DEEPEST = 8192;

/** Whether a server's name of a file is one, and no path that leads elsewhere. */
export function isPlainName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}

/** What a folder holds itself; nothing when it is not there. */
export type FolderLister = (folder: string) => Promise<readonly Info[]>;

/**
 * All files below a folder whose path relative to it begins with `startsWith`, for storages that tell one folder at a time:
 * those of the folder, then those of its folders, `parallel` of which are asked for at once.
 */
export async function* filesBelow(
  prefix: string,
  startsWith: string,
  parallel: number,
  list: FolderLister,
  protocol: string,
): AsyncGenerator<Info> {
  const start = `${withoutSlash(prefix)}/${startsWith}`;
  const below = async function* (folder: string): AsyncGenerator<Info> {
    if (folder.length > start.length + DEEPEST)
      throw new StorageError(`the folders below '${prefix}' are nested too deeply`, { protocol, path: prefix });
    const found = (await list(folder)).filter(({ path }) => path.startsWith(start) || start.startsWith(`${path}/`));
    for (const one of found) if (one.type === "file") yield one;
    const folders = found.filter(({ type }) => type === "folder");
    for (let at = 0; at < folders.length; at += parallel) {
      const group = folders.slice(at, at + parallel).map(({ path }) => collected(below(path)));
      for (const files of await Promise.all(group)) yield* files;
    }
  };
  yield* below(start.slice(0, start.lastIndexOf("/")) || "/");
}

async function collected(files: AsyncIterable<Info>): Promise<Info[]> {
  const all: Info[] = [];
  for await (const one of files) all.push(one);
  return all;
}

/** A folder's path without the slashes at its end; "" for the root. */
export function withoutSlash(path: string): string {
  return path.replace(/\/+$/, "");
}
