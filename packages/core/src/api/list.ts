import { isAbsolute, join, posix, relative, resolve } from "node:path";
import { sortByPath } from "../base/codePoints.ts";
import { DvcError } from "../base/errors.ts";
import { isInside, placeInRepo } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { type ExternalOptions, type ExternalRepo, openExternal } from "../repo/externalRepo.ts";
import { isLocalUrl } from "../repo/sourceUrl.ts";
import type { ViewEntry } from "../repo/repoView.ts";

export interface ListOptions extends ExternalOptions {
  readonly recursive?: boolean;
  /** Only what is tracked. */
  readonly dvcOnly?: boolean;
  /** Depth limit of `recursive` and of the tree. */
  readonly level?: number;
}

/** Names of DVC's JSON. `size` in bytes, null when unknown. */
export interface ListEntry {
  readonly isout: boolean;
  readonly isdir: boolean;
  readonly isexec: boolean;
  readonly size: number | null;
  readonly md5: string | null;
  /** "/"-separated; relative to the listed folder. */
  readonly path: string;
}

/** A listing with the contents of folders nested, keys in order of names. */
export interface ListTree extends ListEntry {
  readonly contents?: Readonly<Record<string, ListTree>>;
}

/**
 * Lists a repository: Git's files and tracked data merged, sorted by path.
 * @param url local path or Git URL
 * @throws {DvcError} when there is no such path
 * @example const entries = await list(env, "https://example.com/registry.git", "data", { rev: "v1", recursive: true })
 */
export async function list(
  env: Environment,
  url: string,
  path: string | undefined,
  options: ListOptions = {},
): Promise<ListEntry[]> {
  const external = await openExternal(env, url, options);
  try {
    const at = startOf(env, external, url, path);
    const own = await entryAt(external, at.path);
    if (!own.isDir || (options.recursive === true && options.level === 0))
      return [shape(own, posix.basename(path ?? "") || ".")];
    const found: ListEntry[] = [];
    await collect(external, at.path, "", 1, options, found);
    if (at.prefix === "") return sortByPath(found);
    return sortByPath(found.map((entry) => fromBelow(entry, at.prefix, env.cwd, options.recursive === true)));
  } finally {
    external.close();
  }
}

/** The same as a tree of the given depth. */
export async function listTree(
  env: Environment,
  url: string,
  path: string | undefined,
  options: ListOptions = {},
): Promise<Readonly<Record<string, ListTree>>> {
  const external = await openExternal(env, url, options);
  try {
    const at = startOf(env, external, url, path);
    const own = await entryAt(external, at.path);
    const name =
      path === undefined || path === "" ? (external.commit === undefined || isLocalUrl(url) ? "." : "/") : path;
    return { [name]: await branch(external, own, name, options.level, options) };
  } finally {
    external.close();
  }
}

/** An entry as a working folder below the root sees it: up by `prefix` and down again; files of a recursive listing by the short way. */
function fromBelow(entry: ListEntry, prefix: string, cwd: string, isRecursive: boolean): ListEntry {
  const path = join(prefix, entry.path);
  return { ...entry, path: isRecursive && !entry.isdir ? relative(cwd, resolve(cwd, path)) : path };
}

/** Where a listing starts. In the workspace of the project itself, paths count from the working folder, as DVC does it. */
function startOf(
  env: Environment,
  external: ExternalRepo,
  url: string,
  path: string | undefined,
): { path: string; prefix: string } {
  const { root } = external;
  const isHere = external.commit === undefined && isLocalUrl(url) && isInside(root, env.cwd);
  if (path === undefined || path === "") return { path: root, prefix: isHere ? relative(env.cwd, root) : "" };
  if (isAbsolute(path) && isInside(root, path)) return { path: resolve(path), prefix: "" };
  return { path: placeInRepo(root, path, isHere ? env.cwd : root), prefix: "" };
}

async function entryAt(external: ExternalRepo, path: string): Promise<ViewEntry> {
  const entry = isInside(external.root, path) ? await external.view.info(path) : undefined;
  if (entry === undefined) throw new DvcError(`[Errno 2] No such file or directory: '${path}'`, { code: "not-found" });
  return entry;
}

/** What lies in a folder. A link to a folder is no folder here: it is never entered. */
async function childrenOf(external: ExternalRepo, folder: string, options: ListOptions): Promise<ViewEntry[]> {
  const children = (await external.view.children(folder, options.dvcOnly === true)) ?? [];
  return children.map((child) => (child.isFolderLink && !child.isOut ? { ...child, isDir: false } : child));
}

async function collect(
  external: ExternalRepo,
  folder: string,
  prefix: string,
  depth: number,
  options: ListOptions,
  found: ListEntry[],
): Promise<void> {
  options.signal?.throwIfAborted();
  const children = await childrenOf(external, folder, options);
  const isDeepest = options.recursive !== true || (options.level !== undefined && depth >= options.level);
  for (const child of children) {
    const name = child.path.slice(folder.length).replace(/^\//, "");
    if (!child.isDir || isDeepest) found.push(shape(child, prefix + name));
    else await collect(external, child.path, `${prefix}${name}/`, depth + 1, options, found);
  }
}

async function branch(
  external: ExternalRepo,
  entry: ViewEntry,
  name: string,
  levels: number | undefined,
  options: ListOptions,
): Promise<ListTree> {
  const shaped = shape(entry, name);
  if (!entry.isDir || levels === 0) return shaped;
  const children = sortByPath(await childrenOf(external, entry.path, options));
  const contents: Record<string, ListTree> = {};
  for (const child of children) {
    const childName = posix.basename(child.path);
    contents[childName] = await branch(
      external,
      child,
      childName,
      levels === undefined ? undefined : levels - 1,
      options,
    );
  }
  return { ...shaped, contents };
}

function shape(entry: ViewEntry, path: string): ListEntry {
  return {
    isout: entry.isOut,
    isdir: entry.isDir,
    isexec: entry.isExec,
    size: entry.size ?? null,
    md5: entry.hash ?? null,
    path,
  };
}
