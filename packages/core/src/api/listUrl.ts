import { statSync } from "node:fs";
import { basename } from "node:path";
import { sortByPath } from "../base/codePoints.ts";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { Environment } from "../base/platform.ts";
import type { Info } from "../fs/filesystem.ts";
import type { ListTree } from "./list.ts";
import { type FsConfig, openUrl, relativeTo, type UrlPlace } from "./urlSource.ts";

/** What to list. */
export interface ListUrlOptions extends CallOptions {
  readonly recursive?: boolean;
  /** Depth limit of `recursive` and of the tree. */
  readonly level?: number;
  readonly fsConfig?: FsConfig;
}

/** One entry; `size` in bytes, null for folders. Files come before folders, each in order of names. */
export interface UrlEntry {
  readonly path: string;
  readonly isdir: boolean;
  readonly size: number | null;
}

/** Lists what is at a URL. @throws {DvcError} with DVC's text when nothing is. */
export async function listUrl(env: Environment, url: string, options: ListUrlOptions = {}): Promise<UrlEntry[]> {
  const place = await openUrl(env, url, options);
  try {
    const info = await infoOf(place, url, options);
    if (options.level === 0 || info.type !== "folder") {
      const path = isWeb(place) ? webPath(place, url) : info.path;
      return [{ path, isdir: false, size: null }];
    }
    const entries: UrlEntry[] = [];
    await collect(place, place.path, 1, options, entries);
    return entries;
  } finally {
    await place.fs.close();
  }
}

/** The same as a tree. */
export async function listUrlTree(
  env: Environment,
  url: string,
  options: ListUrlOptions = {},
): Promise<Readonly<Record<string, ListTree>>> {
  const place = await openUrl(env, url, options);
  try {
    const name = shownRoot(place, url);
    return { [name]: await branch(place, await infoOf(place, url, options), name, options.level, options) };
  } finally {
    await place.fs.close();
  }
}

/** What stands at the root of the tree: the place as its storage names it, a path on disk as it was typed. */
function shownRoot(place: UrlPlace, url: string): string {
  const isOnRemote = /^remote:/i.test(url);
  if (place.localPath !== undefined && !isOnRemote) return url;
  const own = isWeb(place) ? place.fs.url(place.path) : place.path;
  // As DVC joins them: of a whole remote with a "/" at the end.
  const isFolder = url.endsWith("/") || /^remote:\/\/[^/]*$/i.test(url);
  return isFolder && !own.endsWith("/") ? `${own}/` : own;
}

function isWeb({ fs }: UrlPlace): boolean {
  return /^https?$/.test(fs.protocol);
}

/** Files of the web have no other path than their URL; on a remote it is told as names are typed there. */
function webPath({ fs, path }: UrlPlace, url: string): string {
  return /^remote:/i.test(url) ? decodeURIComponent(fs.url(path)) : fs.url(path);
}

async function infoOf(place: UrlPlace, url: string, options: CallOptions): Promise<Info> {
  const info = await place.fs.stat(place.path, options);
  if (info !== undefined) return info;
  // Object stores know folders only by what is in them.
  for await (const _child of place.fs.children(place.path, options))
    return { path: place.path, size: 0, type: "folder" };
  throw new DvcError(`The path '${url}' does not exist`, {
    code: "not-found",
    cause: new DvcError(absence(place)),
  });
}

/** What the storage itself says of a place where nothing is. */
function absence(place: UrlPlace): string {
  const { fs, path } = place;
  const url = fs.url(path);
  if (isWeb(place)) return `${url}: 404, message='Not Found', url='${url}'`;
  if (fs.protocol === "s3" || fs.protocol === "gs") return path;
  return `[Errno 2] No such file or directory: ${fs.protocol === "ssh" ? "No such file" : `'${path}'`}`;
}

async function childrenOf(place: UrlPlace, folder: string, options: CallOptions): Promise<Info[]> {
  const children: Info[] = [];
  for await (const child of place.fs.children(folder, options)) children.push(child);
  return sortByPath(children);
}

async function collect(
  place: UrlPlace,
  folder: string,
  depth: number,
  options: ListUrlOptions,
  entries: UrlEntry[],
): Promise<void> {
  const children = await childrenOf(place, folder, options);
  const isDeepest = options.recursive !== true || (options.level !== undefined && depth >= options.level);
  const folders = children.filter((child) => child.type === "folder");
  for (const child of [...children.filter((one) => one.type === "file"), ...(isDeepest ? folders : [])]) {
    const path = relativeTo(place, child.path).replace(/\/$/, "");
    entries.push({ path, isdir: child.type === "folder", size: sizeOf(place, child) });
  }
  if (!isDeepest) for (const { path } of folders) await collect(place, path, depth + 1, options, entries);
}

/** A folder on disk has the size that its file system gives it, as in DVC; elsewhere it has none. */
function sizeOf(place: UrlPlace, child: Info): number | null {
  if (child.type === "file") return child.size;
  return place.localPath === undefined ? null : (statSync(child.path, { throwIfNoEntry: false })?.size ?? null);
}

async function branch(
  place: UrlPlace,
  info: Info,
  name: string,
  levels: number | undefined,
  options: CallOptions,
): Promise<ListTree> {
  const isdir = info.type === "folder";
  const own = { isout: false, isdir, isexec: false, size: sizeOf(place, info), md5: null, path: name };
  if (!isdir || levels === 0) return own;
  const contents: Record<string, ListTree> = {};
  for (const child of await childrenOf(place, info.path, options)) {
    const childName = basename(child.path);
    contents[childName] = await branch(place, child, childName, levels === undefined ? undefined : levels - 1, options);
  }
  return { ...own, contents };
}
