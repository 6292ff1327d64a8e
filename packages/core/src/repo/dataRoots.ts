import { type CallOptions, warn } from "../base/events.ts";
import { type OsPath, posixRelative, type RelPath } from "../base/paths.ts";
import { build } from "../data/build.ts";
import { type DataRoot, isDirRecord } from "../data/entries.ts";
import { type HashInfo, isDirHash } from "../hash/hashInfo.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import type { Tree } from "../odb/tree.ts";
import { isImport, type Output, type Stage } from "../pipeline/stage.ts";
import type { Repo } from "./repo.ts";
import { shownPath } from "./shown.ts";
import { isThere } from "../fs/isThere.ts";

/** An output with the stage it belongs to. */
export interface StageOutput {
  readonly stage: Stage;
  readonly out: Output;
}

/** The cache that holds what `hash` names. */
export function cacheFor(repo: Repo, hash: HashInfo): ObjectDb {
  return hash.name === "md5-dos2unix" ? repo.legacyCache : repo.cache;
}

/** The hash that stands for an output: its own, or that of the source of an import whose data was not fetched yet. */
export function recordedHash({ stage, out }: StageOutput): HashInfo | undefined {
  if (out.hash !== undefined || !isImport(stage)) return out.hash;
  const [dep] = stage.deps;
  return dep?.kind === "file" ? dep.hash : undefined;
}

/** The outputs as recorded in `.dvc` files and `dvc.lock`, by their path from the repository's root. Uncached ones are left out. */
export function recordedRoots(repo: Repo, outs: Iterable<StageOutput>): Map<RelPath, DataRoot> {
  const roots = new Map<RelPath, DataRoot>();
  for (const one of outs) {
    if (!one.out.useCache || !one.out.isLocal) continue;
    const hash = recordedHash(one);
    const key = posixRelative(repo.root, one.out.path);
    roots.set(key, {
      key,
      isDir: isDirRecord(hash?.value, one.out.meta.nfiles),
      hash: hash?.value,
      tree: treeReader(repo, hash),
    });
  }
  return roots;
}

function treeReader(repo: Repo, hash: HashInfo | undefined): (() => Tree | undefined) | undefined {
  if (hash === undefined || !isDirHash(hash.value)) return undefined;
  let tree: Tree | undefined;
  let isRead = false;
  return () => {
    if (isRead) return tree;
    isRead = true;
    tree = cacheFor(repo, hash).readTree(hash.value);
    if (tree === undefined) tree = repo.state.manifests.read(hash.value);
    else keepManifests(repo, hash.name, [hash.value]);
    return tree;
  };
}

/** Remembers manifests of the cache for the time when they are no longer in it. */
export function keepManifests(repo: Repo, hashName: HashInfo["name"], oids: Iterable<string>): void {
  for (const oid of oids) repo.state.manifests.keep(oid, cacheFor(repo, { name: hashName, value: oid }).pathOf(oid));
}

/** The same outputs as they are in the workspace. Absent ones are left out; so are links that lead nowhere, with a warning. */
export async function workspaceRoots(
  repo: Repo,
  outs: Iterable<StageOutput>,
  options: CallOptions,
): Promise<Map<RelPath, DataRoot>> {
  const roots = new Map<RelPath, DataRoot>();
  for (const one of outs) {
    const { out } = one;
    if (!out.useCache || !out.isLocal || !isThere(out.path)) continue;
    const hash = recordedHash(one);
    const broken: OsPath[] = [];
    const built = await build(out.path, {
      ...options,
      onBrokenLink: (path) => broken.push(path),
      state: repo.state,
      ignore: repo.ignore,
      hashName: hash?.name === "md5-dos2unix" ? "md5-dos2unix" : "md5",
    });
    const key = posixRelative(repo.root, out.path);
    if (broken.length > 0) warn(options, brokenText(repo, out, broken));
    roots.set(key, {
      key,
      isDir: isDirHash(built.hash.value),
      hash: built.hash.value,
      tree: isDirHash(built.hash.value) ? () => built.tree : undefined,
    });
  }
  repo.state.save();
  return roots;
}

function brokenText(repo: Repo, out: Output, broken: readonly OsPath[]): string {
  const [first = ""] = broken;
  const links = broken.length === 1 ? "a link that leads" : `${String(broken.length)} links that lead`;
  return `'${shownPath(repo, out)}' holds ${links} nowhere, as '${posixRelative(out.path, first)}': what is there counts as missing.`;
}
