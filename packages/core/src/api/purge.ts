import { lstatSync, rmSync } from "node:fs";
import { basename, resolve } from "node:path";
import { DvcError, NotDvcRepoError, UsageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { isStrictlyInside, type OsPath, posixRelative } from "../base/paths.ts";
import { build } from "../data/build.ts";
import { stagingPath } from "../data/swap.ts";
import { holdsUnrecorded } from "../data/unrecorded.ts";
import { removeTree } from "../fs/heldFolders.ts";
import { type HashInfo, isDirHash } from "../hash/hashInfo.ts";
import { quarantined } from "../odb/quarantine.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import { dropFiles, dropFromBin } from "../odb/trash.ts";
import { isRepoImport } from "../pipeline/stage.ts";
import type { StageOutput } from "../repo/dataRoots.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import { noteFinal } from "../repo/journal.ts";
import { collectKept, type KeptApart } from "../repo/keptRoots.ts";
import { manifestOf, readManifest } from "../repo/manifests.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { looking } from "../repo/looking.ts";
import { openRemote } from "../repo/remote.ts";
import { changeRepo } from "../repo/change.ts";
import { notePurged, wasCollected, wasPurged } from "../repo/purged.ts";
import type { Repo } from "../repo/repo.ts";
import { withSharersLocks } from "../repo/sharersLocks.ts";
import { revisions } from "../repo/revisions.ts";
import { refuseShallow } from "../repo/shallow.ts";
import type { Git } from "../scm/git.ts";
import { shownLocal, shownPath } from "../repo/shown.ts";
import { trashBins } from "../repo/trash.ts";
import { UsedObjects } from "../repo/usedObjects.ts";
import { isVersioned } from "../repo/versionedRemote.ts";
import { remove } from "./remove.ts";

export interface PurgeOptions extends CallOptions {
  /** Only the version of this revision; all versions when not given. */
  readonly rev?: string;
  /** Names of the remotes to purge; all of the config when not given. */
  readonly remotes?: readonly string[];
  /** Also when the workspace holds changes that are recorded nowhere. */
  readonly force?: boolean;
  /** Only find out what would go. */
  readonly dry?: boolean;
  /** Asked with the plan before anything goes; without it nothing goes. */
  readonly confirm?: (plan: PurgePlan) => Promise<boolean>;
}

/** What a purge would remove, and who would miss it. */
export interface PurgePlan {
  readonly path: string;
  /** Objects that nothing else needs. */
  readonly objects: number;
  /** Objects of the data that something else needs, too: they stay. */
  readonly shared: number;
  /** Revisions whose data this is: it can't be restored there afterwards. `workspace` is one. */
  readonly uses: readonly string[];
  /** Bytes of the local cache. */
  readonly bytes: number;
  readonly remotes: readonly { readonly name: string; readonly objects: number }[];
}

/** The plan, and whether it was carried out. */
export interface PurgeResult extends PurgePlan {
  readonly isDone: boolean;
}

/**
 * Removes one data set, or one version of it, everywhere: cache, trash, quarantine, remotes, and (all versions) the workspace
 * with its `.dvc` file. What anything else needs stays. Fails closed: when a revision, a manifest or a remote can't be read,
 * nothing goes.
 * @throws {UsageError} for a target that no revision tracks; {DvcError} `Failed to collect '<rev>'`; {StorageError}
 */
export async function purge(repo: Repo, target: string, options: PurgeOptions = {}): Promise<PurgeResult> {
  if (options.dry === true)
    return changeRepo(repo, "purge", options, () => looking(repo, () => purgeLocked(repo, target, options)));
  return withSharersLocks(repo, [], options, () =>
    changeRepo(repo, "purge", options, () => purgeLocked(repo, target, options)),
  );
}

async function purgeLocked(repo: Repo, target: string, options: PurgeOptions): Promise<PurgeResult> {
  refuseShallow(repo, options);
  const path = resolve(repo.env.cwd, target);
  const data = path.replace(/\.dvc$/, "");
  const found = await new Collector(repo, path, options).collect();
  const whole =
    found.uses.length > 0 ? undefined : loadIndex(repo).outs.find(({ out }) => isStrictlyInside(out.path, path));
  if (whole !== undefined)
    throw new UsageError(`'${target}' is a part of '${shownPath(repo, whole.out)}': only the whole can be purged`);
  if (found.uses.length === 0)
    throw new UsageError(
      `'${target}' is tracked by no revision${options.rev === undefined ? "" : ` at '${options.rev}'`}`,
    );
  const doomed = [...found.own].filter((oid) => !found.others.has(oid));
  const remotes = await openAll(repo, doomed, options);
  try {
    const plan: PurgePlan = {
      path: shownLocal(repo, data),
      objects: doomed.length,
      shared: found.own.size - doomed.length,
      uses: found.uses,
      bytes: sizeOf(repo, doomed),
      remotes: namedCounts(remotes),
    };
    if (options.dry === true) return { ...plan, isDone: false };
    if (options.rev === undefined) await refuseUnsaved(repo, found.present, options);
    if ((await options.confirm?.(plan)) !== true) return { ...plan, isDone: false };
    notePurged(
      repo,
      doomed.filter((oid) => found.versions.has(oid)),
    );
    noteFinal(repo, "what it removed is gone for good");
    // What says which objects these are goes last: a run that was cut short can be repeated.
    for (const { remote, there } of remotes) await removeFrom(remote, there, options);
    if (options.rev === undefined) removeData(repo, found.present);
    removeHere(repo, new Set(doomed));
    if (options.rev === undefined && isStrictlyInside(repo.root, data))
      for (const bin of trashBins(repo)) dropFiles(bin, posixRelative(repo.root, data));
    if (options.rev === undefined) await removeRecord(repo, found.present, options);
    return { ...plan, isDone: true };
  } finally {
    for (const { remote } of remotes) await remote.fs.close();
  }
}

interface Found {
  /** Objects of the data. */
  readonly own: Set<string>;
  /** Hashes of its versions. */
  readonly versions: ReadonlySet<string>;
  /** Objects of everything else. */
  readonly others: Set<string>;
  readonly uses: string[];
  /** The data in the workspace, when it is recorded there. */
  readonly present: StageOutput | undefined;
}

class Collector {
  readonly #repo: Repo;
  readonly #path: OsPath;
  readonly #options: PurgeOptions;
  /** Hashes of the versions to purge; undefined: all. */
  #versions: Set<string> | undefined;

  constructor(repo: Repo, path: OsPath, options: PurgeOptions) {
    this.#repo = repo;
    this.#path = path;
    this.#options = options;
  }

  async collect(): Promise<Found> {
    const { git } = this.#repo;
    const { rev } = this.#options;
    if (rev !== undefined) {
      if (git === undefined) throw new UsageError("--rev needs a Git repository");
      const index = loadIndex(this.#repo, { rev: git.resolveRev(rev) });
      this.#versions = new Set(index.outs.filter((one) => this.#isTarget(one)).map(({ out }) => out.hash?.value ?? ""));
    }
    const all = { allCommits: true, allBranches: true, allTags: true, allExperiments: true };
    const used = new UsedObjects();
    const found = {
      own: new Set<string>(),
      versions: new Set<string>(),
      uses: [] as string[],
      present: undefined as StageOutput | undefined,
    };
    for (const { name, rev: sha } of revisions(this.#repo, git === undefined ? {} : all)) {
      try {
        const index = loadIndex(this.#repo, sha === undefined ? {} : { rev: sha });
        const own = await this.#addRevision(index, sha, found, used);
        if (own !== undefined) found.uses.push(sha === undefined ? name : shortName(name));
        if (sha === undefined) found.present = own;
      } catch (error) {
        // A commit from before the project was made needs nothing.
        if (error instanceof NotDvcRepoError) continue;
        if (!(error instanceof DvcError)) throw error;
        throw new DvcError(`Failed to collect '${name}'`, {
          code: error.code,
          cause: error,
          hint: "Nothing was removed.",
        });
      }
    }
    if (this.#versions !== undefined && found.present !== undefined)
      throw new UsageError(`'${shownPath(this.#repo, found.present.out)}' is at that version in the workspace`, {
        hint: "Nothing was removed. Check out another version first, or purge all versions.",
      });
    const apart = git === undefined ? {} : { apart: this.#apart(git, found) };
    await collectKept(this.#repo, used, { ...this.#options, ...apart });
    return { ...found, others: used.all };
  }

  /** The target in other worktrees, stashes and the index. */
  #apart(git: Git, found: { readonly own: Set<string>; readonly uses: string[] }): KeptApart {
    const target = posixRelative(git.root, this.#path);
    return {
      has: (path, oid) => (path === target || `${path}.dvc` === target) && this.#versions?.has(oid) !== false,
      found: (where, oids) => {
        for (const oid of oids) found.own.add(oid);
        if (!found.uses.includes(where)) found.uses.push(where);
      },
    };
  }

  /** @returns the target's output, when it is one of the versions to purge */
  async #addRevision(
    index: Index,
    commit: string | undefined,
    { own, versions }: { readonly own: Set<string>; readonly versions: Set<string> },
    used: UsedObjects,
  ): Promise<StageOutput | undefined> {
    let found: StageOutput | undefined;
    for (const one of index.outs) {
      const { out, stage } = one;
      if (!out.useCache || !out.isLocal || out.hash === undefined || isRepoImport(stage)) continue;
      const isOwn = this.#isTarget(one) && this.#versions?.has(out.hash.value) !== false;
      const oid = out.hash.value;
      // Most revisions name the same folders: each is read once.
      const isKnown = isOwn ? versions.has(oid) : used.has(undefined, oid);
      const oids = isKnown ? [] : await this.#objectsOf(one, isOwn, commit);
      if (!isOwn) used.add(undefined, oids);
      else {
        found = one;
        versions.add(oid);
        for (const each of oids) own.add(each);
      }
    }
    return found;
  }

  #isTarget({ stage, out }: StageOutput): boolean {
    return out.path === this.#path || (stage.name === undefined && stage.file === this.#path);
  }

  /** What a folder needs that a gc took out of the cache: nothing, unless some remote still has its manifest. @throws {StorageError} */
  async #filesOnRemotes(hash: HashInfo): Promise<string[]> {
    const onFailure = (error: Error): never => {
      throw error;
    };
    for (const remote of this.#repo.config.remoteNames()) {
      const tree = await manifestOf(this.#repo, hash, { ...this.#options, remote, onFailure });
      if (tree !== undefined) return [hash.value, ...tree.md5s()];
    }
    return [];
  }

  /** Of a version that was purged before nothing is left that could go. */
  async #objectsOf(one: StageOutput, isOwn: boolean, commit: string | undefined): Promise<string[]> {
    const oid = one.out.hash?.value ?? "";
    if (!isDirHash(oid)) return [oid];
    const tree = await readManifest(this.#repo, one, this.#options);
    if (tree !== undefined) return [oid, ...tree.md5s()];
    if (isOwn) return [oid];
    if (commit !== undefined && wasPurged(this.#repo, oid, commit)) return [];
    if (commit !== undefined && one.out.hash !== undefined && wasCollected(this.#repo, oid, commit))
      return this.#filesOnRemotes(one.out.hash);
    throw new DvcError(`the manifest of '${shownPath(this.#repo, one.out)}' is in no cache and on no remote`, {
      code: "missing-object",
    });
  }
}

/** Commits by their first letters, branches and tags whole. */
function shortName(names: string): string {
  const all = names.split(",");
  const named = all.filter((name) => !/^[0-9a-f]{40}$/.test(name));
  return named.length > 0 ? named.join(", ") : names.slice(0, 7);
}

interface Opened {
  readonly remote: RemoteDb;
  readonly there: string[];
}

/** Every remote in both layouts, asked what it has. Those that keep versions hold no objects. */
async function openAll(repo: Repo, doomed: readonly string[], options: PurgeOptions): Promise<Opened[]> {
  const opened: Opened[] = [];
  for (const name of options.remotes ?? repo.config.remoteNames()) {
    if (isVersioned(repo, name))
      throw new DvcError(`remote '${name}' keeps files under their names in versions: purge them there yourself`, {
        code: "unsupported",
        hint: "Nothing was removed. Name the other remotes with '-r'.",
      });
    for (const legacy of [false, true]) {
      const remote = await openRemote(repo, name, { ...options, legacy });
      opened.push({ remote, there: [...(await remote.exists(doomed, options))] });
    }
  }
  return opened;
}

function namedCounts(remotes: readonly Opened[]): { name: string; objects: number }[] {
  const counts = new Map<string, number>();
  for (const { remote, there } of remotes) counts.set(remote.name, (counts.get(remote.name) ?? 0) + there.length);
  return [...counts].map(([name, objects]) => ({ name, objects }));
}

/** Manifests go before the files they name. */
async function removeFrom(remote: RemoteDb, oids: readonly string[], options: CallOptions): Promise<void> {
  await remote.remove(oids.filter(isDirHash), options);
  await remote.remove(
    oids.filter((oid) => !isDirHash(oid)),
    options,
  );
}

async function refuseUnsaved(repo: Repo, present: StageOutput | undefined, options: PurgeOptions): Promise<void> {
  if (present === undefined || options.force === true) return;
  const { out } = present;
  if (lstatSync(out.path, { throwIfNoEntry: false }) === undefined) return;
  const hashName = out.hash?.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
  const { hash, tree } = await build(out.path, { ...options, state: repo.state, ignore: repo.ignore, hashName });
  if (hash.value === out.hash?.value && !holdsUnrecorded(out.path, tree)) return;
  throw new DvcError(`'${shownPath(repo, out)}' holds changes that are recorded nowhere`, {
    code: "unsaved-files",
    hint: "Nothing was removed. Use `--force` to purge them as well.",
  });
}

/** The data in the workspace. */
function removeData(repo: Repo, present: StageOutput | undefined): void {
  if (present === undefined) return;
  checkOutputPath(repo, present.stage, present.out);
  removeTree(repo.root, present.out.path, stagingPath(repo.tmpDir));
}

/** The `.dvc` file that tracks nothing else. */
async function removeRecord(repo: Repo, present: StageOutput | undefined, options: CallOptions): Promise<void> {
  if (present === undefined) return;
  const { stage } = present;
  if (stage.name === undefined && stage.outs.length === 1) await remove(repo, [shownLocal(repo, stage.file)], options);
}

/** Manifests go after all that they name, wherever it lies. */
function removeHere(repo: Repo, doomed: ReadonlySet<string>): void {
  const [manifests, files] = [[...doomed].filter(isDirHash), [...doomed].filter((oid) => !isDirHash(oid))];
  const caches = [repo.cache, repo.legacyCache];
  for (const cache of caches) for (const oid of files) cache.remove(oid);
  for (const bin of trashBins(repo)) dropFromBin(bin, doomed);
  for (const folder of repo.cache.quarantines)
    for (const path of quarantined(folder)) {
      const oid = basename(path).replace(/\.\d+$/, "");
      if (doomed.has(oid)) rmSync(path, { force: true });
    }
  for (const cache of caches) for (const oid of manifests) cache.remove(oid);
}

function sizeOf(repo: Repo, oids: readonly string[]): number {
  return oids.reduce((sum, oid) => sum + (repo.cache.sizeOf(oid) ?? 0) + (repo.legacyCache.sizeOf(oid) ?? 0), 0);
}
