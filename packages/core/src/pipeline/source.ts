import { statSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";
import { readPlainText } from "../fs/atomic.ts";

/** How stages are read: from the workspace, or from a commit. Paths are absolute in both cases. */
export interface FileSource {
  /** Text of a regular file; undefined when there is none (or a folder). */
  readText(path: OsPath): string | undefined;
  /** Whether a file or folder is there. */
  exists(path: OsPath): boolean;
  isFile(path: OsPath): boolean;
}

/** Remembers what files of the workspace hold. */
export interface ParsedFiles {
  /** What `parse` makes of the file at `path`, or made of it when it was as it is now. Not to be changed. */
  read<T extends object>(path: OsPath, parse: () => T): T;
}

/** What loading needs to know of the project. */
export interface LoadContext {
  /** The project's root. */
  readonly root: OsPath;
  /** Where the user is: paths in messages are relative to it. Default: the root. */
  readonly cwd?: OsPath;
  /** Section `parsing` of the config. */
  readonly parsing?: ParsingOptions;
  /** URL of a remote of the config; makes `remote://name/path` usable. */
  readonly remoteUrl?: (name: string) => string | undefined;
  /** Without it every file is parsed. Only for files of the workspace. */
  readonly parsed?: ParsedFiles;
  /** Receives warnings in DVC's words. */
  readonly warn?: (text: string) => void;
}

/** How a mapping inside `cmd` becomes options. */
export interface ParsingOptions {
  readonly bool?: "store_true" | "boolean_optional";
  readonly list?: "nargs" | "append";
}

/** The files on disk. */
export const workspaceSource: FileSource = {
  readText(path) {
    return workspaceSource.isFile(path) ? readPlainText(path) : undefined;
  },
  exists: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
};

/**
 * Files of a commit. `files` maps absolute paths to their text; `undefined` is a file whose text was not read.
 * Folders are derived from the paths.
 */
export function mapSource(files: ReadonlyMap<OsPath, string | undefined>): FileSource {
  let folders: Set<OsPath> | undefined;
  const isFolder = (path: OsPath): boolean => {
    folders ??= foldersOf(files.keys());
    return folders.has(path);
  };
  return {
    readText: (path) => files.get(path),
    exists: (path) => files.has(path) || isFolder(path),
    isFile: (path) => files.has(path),
  };
}

function foldersOf(paths: Iterable<OsPath>): Set<OsPath> {
  const folders = new Set<OsPath>();
  for (const path of paths) {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const folder = path.slice(0, at);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders;
}
