import { resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { info, warn } from "../base/events.ts";
import { DvcError, UsageError } from "../base/errors.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { gcObjects } from "../odb/gcObjects.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import { loadIndex } from "../repo/index.ts";
import type { Tree } from "../odb/tree.ts";
import type { StageOutput } from "../repo/dataRoots.ts";
import { readManifest } from "../repo/manifests.ts";
import { withRepoLock } from "../repo/locks.ts";
import { openRemote } from "../repo/remote.ts";
import { openRepo, type Repo } from "../repo/repo.ts";
import { type RevisionOptions, revisions } from "../repo/revisions.ts";
import { isImport, isRepoImport } from "../pipeline/stage.ts";
import { addressOf, shownPath, shownStage } from "../repo/shown.ts";

export interface GcOptions extends CallOptions, RevisionOptions {
  readonly workspace?: boolean;
  readonly rev?: string;
  readonly cloud?: boolean;
  readonly remote?: string;
  readonly notInRemote?: boolean;
  /** Paths of other projects whose objects stay. */
  readonly projects?: readonly string[];
  readonly force?: boolean;
  readonly dry?: boolean;
  readonly skipFailed?: boolean;
  readonly jobs?: number;
}

/** Counts of objects and bytes removed (or that would be, when `dry`). */
export interface GcResult {
  readonly cache: { readonly objects: number; readonly bytes: number };
  readonly remote: { readonly objects: number; readonly bytes: number } | undefined;
}

/**
 * Checks the options that exclude or need each other.
 * @throws {UsageError} with DVC's texts.
 */
export function checkGcOptions(options: GcOptions): void {
  const { cloud, remote, notInRemote } = options;
  if (remote !== undefined && cloud !== true && notInRemote !== true) {
    throw new UsageError("`--remote` requires `--cloud` or `--not-in-remote`");
  }
  if (notInRemote === true && cloud === true)
    throw new UsageError("`--not-in-remote` and `--cloud` are mutually exclusive");
  const scopes = [options.workspace, options.allBranches, options.allTags, options.allCommits, options.allExperiments];
  if (
    !scopes.includes(true) &&
    options.rev === undefined &&
    options.num === undefined &&
    options.commitDate === undefined
  ) {
    throw new UsageError(
      "Either of `-w|--workspace`, `-a|--all-branches`, `-T|--all-tags` `--all-experiments`, `--all-commits`, `--date` or `--rev` needs to be set.",
    );
  }
  if (options.num !== undefined && options.rev === undefined && options.allBranches !== true) {
    throw new UsageError("`--num` can only be used alongside `--rev` or `--all-branches`");
  }
}

/** What is about to happen, in DVC's words; the caller shows it before it asks. */
export function gcWarning(options: GcOptions, cwd: string): string {
  let text = `This will remove all cache except items used in the workspace${scopeText(options)}`;
  if (options.allExperiments === true) text += " and all experiments";
  if (options.notInRemote === true) text += " that are not present in the DVC remote";
  const projects = options.projects ?? [];
  if (projects.length === 0) return `${text} of the current repo.`;
  return `${text} of the current and the following repos:${projects.map((path) => `\n  - ${resolve(cwd, path)}`).join("")}`;
}

function scopeText(options: GcOptions): string {
  if (options.allCommits === true) return " and all git commits";
  const last = options.num === undefined ? undefined : `last ${String(options.num)} commits from `;
  let text = "";
  if (options.allBranches === true && options.allTags === true) {
    text += last === undefined ? " and all git branches and tags" : ` and ${last}all git branches and all git tags`;
  } else if (options.allBranches === true) text += ` and ${last ?? ""}all git branches`;
  else if (options.allTags === true) text += " and all git tags";
  if (options.commitDate !== undefined) text += ` and all git commits before date ${options.commitDate}`;
  if (options.rev !== undefined) text += ` and last ${String(options.num ?? 1)} commits from ${options.rev}`;
  return text;
}

/**
 * Removes objects that nothing in the scope uses. The workspace is always in the scope. Fails closed: when a revision, a
 * `.dvc` file or a manifest cannot be read, nothing is removed.
 * @throws {DvcError} `Failed to collect '<rev>'`
 */
export async function gc(repo: Repo, options: GcOptions): Promise<GcResult> {
  checkGcOptions(options);
  const others = await Promise.all(
    (options.projects ?? []).map((path) => openRepo({ ...repo.env, cwd: resolve(repo.env.cwd, path) })),
  );
  return withLocks([repo, ...others], options, async () => {
    const used = new UsedObjects();
    for (const one of [...others, repo]) await collectUsed(one, options, used);
    if (options.notInRemote === true) await used.dropThoseOnRemotes(repo, options);
    const cache = await cleanCaches(repo, used, options);
    const remote = options.cloud === true ? await cleanRemotes(repo, used, options) : undefined;
    return { cache, remote };
  });
}

async function withLocks<T>(repos: readonly Repo[], options: GcOptions, work: () => Promise<T>): Promise<T> {
  const [first, ...rest] = repos;
  if (first === undefined) return work();
  return withRepoLock(first, options, () => withLocks(rest, options, work));
}

/** Objects in use, by the remote that their output names. */
class UsedObjects {
  readonly all = new Set<string>();
  readonly byRemote = new Map<string | undefined, Set<string>>();

  add(remote: string | undefined, oids: Iterable<string>): void {
    let own = this.byRemote.get(remote);
    if (own === undefined) this.byRemote.set(remote, (own = new Set()));
    for (const oid of oids) {
      own.add(oid);
      this.all.add(oid);
    }
  }

  /** For `--not-in-remote`: what a remote has is not needed here. */
  async dropThoseOnRemotes(repo: Repo, options: GcOptions): Promise<void> {
    this.byRemote.set(undefined, this.byRemote.get(undefined) ?? new Set());
    const there = new Set<string>();
    for (const [name, oids] of this.byRemote) {
      for (const legacy of [false, true]) {
        const remote = await openRemote(repo, name ?? options.remote, { ...options, legacy });
        for (const oid of await remote.exists([...oids], options)) there.add(oid);
        await remote.fs.close();
      }
    }
    for (const oid of there) this.all.delete(oid);
  }
}

async function collectUsed(repo: Repo, options: GcOptions, used: UsedObjects): Promise<void> {
  const scope = { ...options, ...(options.rev === undefined ? {} : { revs: [options.rev] }) };
  for (const { name, rev } of revisions(repo, scope)) {
    try {
      const index = loadIndex(repo, rev === undefined ? {} : { rev });
      for (const one of index.outs) await collectOutput(repo, one, rev, used, options);
    } catch (error) {
      if (!(error instanceof DvcError)) throw error;
      if (options.skipFailed !== true)
        throw new DvcError(`Failed to collect '${name}'`, { code: error.code, cause: error });
      warn(options, `Failed to collect '${name}', skipping`);
    }
  }
}

async function collectOutput(
  repo: Repo,
  one: StageOutput,
  rev: string | undefined,
  used: UsedObjects,
  options: GcOptions,
): Promise<void> {
  const { stage, out } = one;
  if (!out.useCache || !out.isLocal || isRepoImport(stage)) return;
  if (out.hash === undefined) {
    if (isImport(stage)) return;
    if (rev === undefined) warn(options, missingVersionText(repo, one));
    return;
  }
  const oid = out.hash.value;
  if (!isDirHash(oid)) {
    used.add(out.remote, [oid]);
    return;
  }
  const tree = await manifestOrNone(repo, one, options);
  if (tree === undefined) {
    throw new DvcError(`unable to fully collect used cache without cache for directory '${shownPath(repo, out)}'`, {
      code: "missing-object",
      hint: `Nothing was removed. Get its manifest with '${repo.env.programName} fetch ${addressOf(repo, stage)}', or leave the revision out with '--skip-failed'.`,
    });
  }
  used.add(out.remote, [oid, ...tree.entries.map((entry) => entry.md5)]);
}

/** A remote that fails is as good as none here: the caller refuses. */
async function manifestOrNone(repo: Repo, one: StageOutput, options: GcOptions): Promise<Tree | undefined> {
  try {
    return await readManifest(repo, one, options);
  } catch (error) {
    if (error instanceof DvcError && error.code !== "corrupt-object" && error.code !== "unsafe-path") return undefined;
    throw error;
  }
}

function missingVersionText(repo: Repo, { stage, out }: StageOutput): string {
  return `Output '${shownPath(repo, out)}'(${shownStage(repo, stage)}) is missing version info. Cache for it will not be collected. Use \`dvc repro\` to get your pipeline up to date.`;
}

async function cleanCaches(
  repo: Repo,
  used: UsedObjects,
  options: GcOptions,
): Promise<{ objects: number; bytes: number }> {
  const total = { objects: 0, bytes: 0 };
  for (const [name, cache] of [
    ["repo", repo.cache],
    ["legacy", repo.legacyCache],
  ] as const) {
    const removed = await gcObjects(cache, used.all, {
      ...options,
      dry: options.dry === true,
      onRemove: (path: string) => {
        if (options.dry === true) info(options, `Removing ${path}`);
      },
    });
    info(
      options,
      removed.objects > 0
        ? `Removed ${String(removed.objects)} objects from ${name} cache.`
        : `No unused '${name}' cache to remove.`,
    );
    total.objects += removed.objects;
    total.bytes += removed.bytes;
  }
  return total;
}

async function cleanRemotes(
  repo: Repo,
  used: UsedObjects,
  options: GcOptions,
): Promise<{ objects: number; bytes: number }> {
  const total = { objects: 0, bytes: 0 };
  const byUrl = new Map<string, { remote: RemoteDb; oids: Set<string> }>();
  for (const name of new Set([undefined, ...used.byRemote.keys()])) {
    for (const legacy of [false, true]) {
      const remote = await openRemote(repo, name ?? options.remote, { ...options, legacy });
      const known = byUrl.get(remote.url);
      const oids = used.byRemote.get(name) ?? new Set<string>();
      if (known === undefined) byUrl.set(remote.url, { remote, oids: new Set(oids) });
      else for (const oid of oids) known.oids.add(oid);
    }
  }
  for (const { remote, oids } of byUrl.values()) {
    const removed = await cleanRemote(remote, oids, options);
    info(
      options,
      removed.objects > 0
        ? `Removed ${String(removed.objects)} objects from remote.`
        : "No unused cache to remove from remote.",
    );
    total.objects += removed.objects;
    total.bytes += removed.bytes;
    await remote.fs.close();
  }
  return total;
}

/** Lists the whole remote first; a listing that fails removes nothing. Manifests go before the files they name. */
async function cleanRemote(
  remote: RemoteDb,
  used: ReadonlySet<string>,
  options: GcOptions,
): Promise<{ objects: number; bytes: number }> {
  const unused: string[] = [];
  let bytes = 0;
  for await (const { oid, size } of remote.all(options)) {
    if (used.has(oid)) continue;
    unused.push(oid);
    bytes += size;
    if (options.dry === true) info(options, `Removing ${remote.fs.url(remote.pathOf(oid))}`);
  }
  if (options.dry !== true && unused.length > 0) {
    await remote.remove(unused.filter(isDirHash), options);
    await remote.remove(
      unused.filter((oid) => !isDirHash(oid)),
      options,
    );
  }
  return { objects: unused.length, bytes };
}
