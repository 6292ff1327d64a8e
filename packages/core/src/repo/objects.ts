import { isDirHash } from "../hash/hashInfo.ts";
import { join } from "node:path";
import type { OsPath, RelPath } from "../base/paths.ts";
import { isRepoImport } from "../pipeline/stage.ts";
import { cacheFor, type StageOutput } from "./dataRoots.ts";
import type { Selected } from "./index.ts";
import type { Repo } from "./repo.ts";
import { shownPath } from "./shown.ts";

/** Objects that go to, or come from, one remote in one layout. */
export interface ObjectGroup {
  /** The remote that the outputs name; undefined for the default one. */
  readonly remote: string | undefined;
  readonly hashName: "md5" | "md5-dos2unix";
  readonly files: Set<string>;
  /** Manifests whose every file counts. */
  readonly dirs: Set<string>;
  /** Manifests of which only some files count: object id -> paths within (a file or a folder each). */
  readonly parts: Map<string, Set<RelPath>>;
  /** Object id -> the path to show for it. Children are named when their manifest is read. */
  readonly names: Map<string, string>;
}

/** Which outputs count. */
export type OutputFilter = (one: StageOutput) => boolean;

/** The outputs of a selection with the part of each that was asked for, by absolute path within. */
export function selectedOutputs(
  selected: readonly Selected[],
): (StageOutput & { readonly within: RelPath | undefined })[] {
  return selected.flatMap((one) =>
    (one.out === undefined ? one.stage.outs : [one.out]).map((out) => ({ stage: one.stage, out, within: one.within })),
  );
}

/** Adds the objects of outputs to `groups`, one group for each remote and layout. Uncached outputs and ones without a hash are left out. */
export function collectObjects(
  repo: Repo,
  selected: readonly Selected[],
  filter: OutputFilter,
  groups: Map<string, ObjectGroup>,
): void {
  for (const one of selectedOutputs(selected)) {
    const { out, within } = one;
    if (!out.useCache || !out.isLocal || out.hash === undefined || !filter(one)) continue;
    const group = groupOf(groups, out.remote, out.hash.name === "md5-dos2unix" ? "md5-dos2unix" : "md5");
    const oid = out.hash.value;
    if (!group.names.has(oid)) group.names.set(oid, shownPath(repo, out));
    if (!isDirHash(oid)) group.files.add(oid);
    else if (within === undefined) group.dirs.add(oid);
    else partOf(group, oid).add(within);
  }
}

function groupOf(
  groups: Map<string, ObjectGroup>,
  remote: string | undefined,
  hashName: "md5" | "md5-dos2unix",
): ObjectGroup {
  const key = `${remote ?? ""}\0${hashName}`;
  const known = groups.get(key);
  if (known !== undefined) return known;
  const group: ObjectGroup = {
    remote,
    hashName,
    files: new Set(),
    dirs: new Set(),
    parts: new Map(),
    names: new Map(),
  };
  groups.set(key, group);
  return group;
}

function partOf(group: ObjectGroup, oid: string): Set<RelPath> {
  const known = group.parts.get(oid);
  if (known !== undefined) return known;
  const part = new Set<RelPath>();
  group.parts.set(oid, part);
  return part;
}

/** Leaves out what `dvc push` never uploads: imports from other repositories, `push: false`, and other explicit remotes. */
export function pushFilter(remote: string | undefined): OutputFilter {
  return ({ stage, out }) =>
    !isRepoImport(stage) && out.canPush && !(remote !== undefined && out.remote !== undefined && out.remote !== remote);
}

/** Whether `dvc push` uploads an output to its remote. */
export function isPushed(one: StageOutput): boolean {
  return one.out.useCache && pushFilter(undefined)(one);
}

/** Names the files of every manifest that the cache has, for messages. */
export function nameChildren(repo: Repo, group: ObjectGroup): void {
  const cache = cacheFor(repo, { name: group.hashName, value: "" });
  for (const oid of [...group.dirs, ...group.parts.keys()]) {
    const name = group.names.get(oid) ?? oid;
    for (const entry of cache.readTree(oid) ?? []) {
      if (!group.names.has(entry.md5)) group.names.set(entry.md5, join(name, entry.relpath));
    }
  }
}

/** The file objects of a partly wanted manifest. */
export function partFiles(repo: Repo, group: ObjectGroup, oid: string): string[] {
  const tree = cacheFor(repo, { name: group.hashName, value: "" }).readTree(oid);
  if (tree === undefined) return [];
  const files: string[] = [];
  for (const path of group.parts.get(oid) ?? []) {
    const exact = tree.get(path);
    if (exact !== undefined) files.push(exact.md5);
    for (const entry of tree.under(path)) files.push(entry.md5);
  }
  return files;
}

/** Every object of a group: its files, its manifests and what the cache knows to be in them. */
export function objectsOf(repo: Repo, group: ObjectGroup): Set<string> {
  const cache = cacheFor(repo, { name: group.hashName, value: "" });
  const all = new Set([...group.files, ...group.dirs]);
  for (const oid of group.dirs) for (const md5 of cache.readTree(oid)?.md5s() ?? []) all.add(md5);
  for (const oid of group.parts.keys()) for (const md5 of partFiles(repo, group, oid)) all.add(md5);
  return all;
}

/** Absolute path of the run cache of a cache folder. */
export function runsFolder(cacheDir: OsPath): OsPath {
  return join(cacheDir, "runs");
}
