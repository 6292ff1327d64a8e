import { posix, relative, resolve } from "node:path";
import { compareCodePoints } from "../base/codePoints.ts";
import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { DvcError, NotDvcRepoError } from "../base/errors.ts";
import { posixRelative, type RelPath } from "../base/paths.ts";
import { type DataDiff, type DataItem, type DataRoot, diffRoots } from "../data/entries.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { openRemote, resolveRemote } from "../repo/remote.ts";
import { isVersioned } from "../repo/versionedRemote.ts";
import { versionedFiles } from "../repo/versionRecords.ts";
import { broughtImport } from "../repo/broughtImports.ts";
import { cacheFor, recordedHash, recordedRoots, type StageOutput, workspaceRoots } from "../repo/dataRoots.ts";
import { loadIndex } from "../repo/index.ts";
import { learnManifests } from "../repo/learnManifests.ts";
import { looking } from "../repo/looking.ts";
import type { Repo } from "../repo/repo.ts";
import { comesFromSource } from "./importSource.ts";

export interface DataStatusOptions extends CallOptions {
  /** Look into tracked folders. */
  readonly granular?: boolean;
  readonly untrackedFiles?: "no" | "all";
  readonly notInRemote?: boolean;
  readonly remote?: string;
}

/** Names of DVC's JSON. Folders end in "/". */
export interface ChangeLists {
  readonly added?: readonly string[];
  readonly modified?: readonly string[];
  readonly deleted?: readonly string[];
  readonly renamed?: readonly { readonly old: string; readonly new: string }[];
  readonly unknown?: readonly string[];
}

/** What Git has to say, for the text rendering. */
export interface GitState {
  readonly isEmpty: boolean;
  readonly isDirty: boolean;
}

/** Paths are relative to the repository's root. `git` is undefined without Git. */
export interface DataStatus {
  readonly not_in_cache: readonly string[];
  readonly not_in_remote: readonly string[];
  readonly committed: ChangeLists;
  readonly uncommitted: ChangeLists;
  readonly untracked: readonly string[];
  readonly unchanged: readonly string[];
  readonly git: GitState | undefined;
}

/**
 * Compares the last commit, the recorded state and the workspace.
 * @example const { uncommitted } = await dataStatus(repo, [], { granular: true })
 */
export function dataStatus(
  repo: Repo,
  targets: readonly string[] = [],
  options: DataStatusOptions = {},
): Promise<DataStatus> {
  return looking(repo, async () => {
    const index = loadIndex(repo);
    const recorded = recordedRoots(repo, index.outs);
    const present = await workspaceRoots(repo, index.outs, options);
    const head = outsOfHead(repo, options);
    if (options.granular === true) await learnManifests(repo, index.outs.concat(head ?? []), options);
    const only = targetFilter(repo, targets);
    const shape = {
      granular: options.granular === true,
      unchanged: true,
      renames: true,
      ...(only === undefined ? {} : { only }),
    };
    const uncommitted = diffRoots(recorded, present, shape);
    const committed = head === undefined ? undefined : diffRoots(recordedRoots(repo, head), recorded, shape);
    const unchanged = new Set(uncommitted.unchanged.map((item) => item.path));
    if (committed !== undefined) {
      const same = new Set(committed.unchanged.map((item) => item.path));
      for (const path of unchanged) if (!same.has(path)) unchanged.delete(path);
    }
    return {
      not_in_cache: notInCache(repo, index.outs, recorded, shape),
      not_in_remote: options.notInRemote === true ? await notInRemote(repo, index.outs, recorded, shape, options) : [],
      committed: committed === undefined ? {} : lists(committed),
      uncommitted: lists(uncommitted),
      ...gitPart(repo, targets, options),
      unchanged: [...unchanged],
    };
  });
}

interface Shape {
  readonly granular: boolean;
  readonly unchanged: boolean;
  readonly renames: boolean;
  readonly only?: (path: RelPath) => boolean;
}

/** The outputs at HEAD; undefined without Git. */
function outsOfHead(repo: Repo, options: CallOptions): readonly StageOutput[] | undefined {
  if (repo.git === undefined) return undefined;
  try {
    const head = repo.git.head();
    return head === undefined ? [] : loadIndex(repo, { rev: head }).outs;
  } catch (error) {
    if (!(error instanceof NotDvcRepoError)) throw error;
    warn(options, error.message);
    return [];
  }
}

/** In DVC's order: what was there before comes level by level, then what came, then what went. */
function lists(diff: DataDiff): ChangeLists {
  const paths = (items: readonly { readonly path: string }[]): string[] => items.map(({ path }) => path);
  const renamed = diff.renamed.map((item) => ({ old: item.old, new: item.new }));
  renamed.sort((a, b) => byParts(a.new, b.new));
  const added = paths(diff.added).sort(byParts);
  const came: [string, readonly unknown[]][] = [
    ["added", added],
    ["renamed", renamed],
  ];
  if (byParts(renamed[0]?.new ?? "\uffff", added[0] ?? "\uffff") < 0) came.reverse();
  const groups: [string, readonly unknown[]][] = [
    ["modified", paths(diff.modified).sort(byLevel)],
    ["unknown", paths(diff.unknown).sort(byLevel)],
    ...came,
    ["deleted", paths(withTwinsBeside(diff.deleted))],
  ];
  return Object.fromEntries(groups.filter(([, list]) => list.length > 0));
}

/** Equal files come at the place of the first of them, the last one first. */
function withTwinsBeside(items: readonly DataItem[]): DataItem[] {
  const groups = new Map<string | undefined, DataItem[]>();
  for (const item of items.toSorted((a, b) => byParts(a.path, b.path))) {
    const group = groups.get(item.hash);
    if (group === undefined) groups.set(item.hash, [item]);
    else group.push(item);
  }
  return [...groups.values()].flatMap((group) => group.reverse());
}

/** What lies less deep comes first. */
function byLevel(a: string, b: string): number {
  return levelOf(a) - levelOf(b) || byParts(a, b);
}

function levelOf(path: string): number {
  return path.split("/").length - (path.endsWith("/") ? 1 : 0);
}

/** Folder by folder, as DVC walks them: `data/x` before `data-2`. */
function byParts(a: string, b: string): number {
  return compareCodePoints(a.replaceAll("/", "\0"), b.replaceAll("/", "\0"));
}

/** Every recorded item whose object the cache lacks: roots, and with `granular` the files of folders. */
function notInCache(
  repo: Repo,
  outs: readonly StageOutput[],
  recorded: ReadonlyMap<RelPath, DataRoot>,
  shape: Shape,
): string[] {
  const missing: string[] = [];
  for (const one of outs) {
    const hash = recordedHash(one);
    const root = recorded.get(posixRelative(repo.root, one.out.path));
    if (hash === undefined || root === undefined || !one.out.useCache) continue;
    // What the source of an import tells of it names no object.
    const isNoted = one.out.hash === undefined;
    if (isNoted && broughtImport(repo, one) !== undefined) continue;
    const items = itemsOf(root, isNoted ? { ...shape, granular: false } : shape);
    const there = isNoted ? new Set<string>() : cacheFor(repo, hash).exists(hashesOf(items));
    for (const item of items) if (item.hash !== undefined && !there.has(item.hash)) missing.push(item.path);
  }
  return missing.sort(byParts);
}

function itemsOf(root: DataRoot, shape: Shape): DataItem[] {
  const items: DataItem[] = [];
  if (shape.only?.(root.key) ?? true) items.push({ path: root.isDir ? `${root.key}/` : root.key, hash: root.hash });
  if (!shape.granular) return items;
  for (const entry of root.tree?.() ?? []) {
    const path = `${root.key}/${entry.relpath}`;
    if (shape.only?.(path) ?? true) items.push({ path, hash: entry.md5 });
  }
  return items;
}

/** Of two stages with the same output one may never have run. */
function hashesOf(items: readonly DataItem[]): string[] {
  return items.flatMap(({ hash }) => (hash === undefined ? [] : [hash]));
}

async function notInRemote(
  repo: Repo,
  outs: readonly StageOutput[],
  recorded: ReadonlyMap<RelPath, DataRoot>,
  shape: Shape,
  options: DataStatusOptions,
): Promise<string[]> {
  const missing: string[] = [];
  for (const one of outs) {
    const hash = recordedHash(one);
    const root = recorded.get(posixRelative(repo.root, one.out.path));
    if (hash === undefined || root === undefined || !one.out.canPush || comesFromSource(one)) continue;
    const name = one.out.remote ?? options.remote;
    const items = itemsOf(root, shape);
    if (isVersioned(repo, name)) {
      const unsent = unsentFiles(repo, one, name);
      for (const item of items) if (item.hash !== undefined && unsent.has(item.hash)) missing.push(item.path);
      continue;
    }
    const remote = await openRemoteIfAny(repo, name, hash.name === "md5-dos2unix");
    // Where there is no remote, nothing is there.
    const there = remote === undefined ? new Set<string>() : await remote.exists(hashesOf(items), options);
    for (const item of items) if (item.hash !== undefined && !there.has(item.hash)) missing.push(item.path);
  }
  return missing;
}

/** Of a remote that keeps versions the records say what it holds. A folder lacks what any of its files lacks. */
function unsentFiles(repo: Repo, { out }: StageOutput, name: string | undefined): Set<string> {
  const files = versionedFiles(repo, out, resolveRemote(repo, name).name) ?? [];
  const unsent = new Set(files.filter(({ version }) => version === undefined).map(({ md5 }) => md5));
  if (unsent.size > 0 && out.hash !== undefined) unsent.add(out.hash.value);
  return unsent;
}

async function openRemoteIfAny(
  repo: Repo,
  name: string | undefined,
  legacy: boolean,
): Promise<Awaited<ReturnType<typeof openRemote>> | undefined> {
  try {
    return await openRemote(repo, name, { legacy });
  } catch (error) {
    if (error instanceof DvcError && error.code === "no-remote") return undefined;
    throw error;
  }
}

/** A filter for "equal to or below one of the targets"; undefined without targets. Paths count from the repository's root. */
function targetFilter(repo: Repo, targets: readonly string[]): ((path: RelPath) => boolean) | undefined {
  if (targets.length === 0) return undefined;
  const keys = targets.map((target) => posixRelative(repo.root, resolve(repo.env.cwd, target)));
  return (path) => keys.some((key) => key === "." || path === key || path.startsWith(`${key}/`));
}

function gitPart(
  repo: Repo,
  targets: readonly string[],
  options: DataStatusOptions,
): { untracked: readonly string[]; git: GitState | undefined } {
  const { git } = repo;
  if (git === undefined) return { untracked: [], git: undefined };
  const { isDirty, untracked } = git.status(options.untrackedFiles ?? "no");
  const base = posixRelative(git.root, repo.root);
  const filters = targets.map((target) => posixRelative(git.root, resolve(repo.env.cwd, target)));
  const wanted = untracked
    .filter((file) => filters.length === 0 || filters.some((key) => file === key || file.startsWith(`${key}/`)))
    .filter((file) => base === "." || file.startsWith(`${base}/`))
    .map((file) => (base === "." ? file : file.slice(base.length + 1)))
    .map((file) => posix.normalize(relative(repo.env.cwd, resolve(repo.root, file)).replaceAll("\\", "/")));
  return { untracked: wanted, git: { isEmpty: git.head() === undefined, isDirty: isDirty || untracked.length > 0 } };
}

/** Whether a listed path is a folder's. */
export function isFolderItem(item: DataItem): boolean {
  return item.path.endsWith("/") || (item.hash !== undefined && isDirHash(item.hash));
}
