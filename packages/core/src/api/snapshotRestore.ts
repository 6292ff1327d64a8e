import { lstatSync } from "node:fs";
import { DvcError, UsageError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { type OsPath, posixRelative, type RelPath } from "../base/paths.ts";
import type { Output } from "../pipeline/stage.ts";
import { withGitContext } from "../repo/gitContext.ts";
import type { Selected } from "../repo/index.ts";
import { dropEntry, journaled, journaledWith, note } from "../repo/journal.ts";
import { withRepoLock } from "../repo/locks.ts";
import { selectedOutputs } from "../repo/objects.ts";
import { openRepo, type Repo } from "../repo/repo.ts";
import { shownPath } from "../repo/shown.ts";
import { refuseUnfinished } from "../scm/gitPlace.ts";
import { presentOuts, putBegunAside } from "../snapshots/begunFiles.ts";
import { checkOutGit } from "../snapshots/checkOutGit.ts";
import { findSnapshot, type FoundSnapshot, snapshotGit } from "../snapshots/find.ts";
import { needsOf, snapshotNeeds } from "../snapshots/needs.ts";
import { cachedManifest } from "../snapshots/objects.ts";
import { presenceInCache } from "../snapshots/presence.ts";
import { dataPlaces, refuseUnsaved, unsavedCode, type UnsavedCode, unsavedData } from "../snapshots/protect.ts";
import { dataParts, partsAt, type SnapshotParts } from "../snapshots/select.ts";
import { writeFromCommit } from "../snapshots/writeFiles.ts";
import { checkoutLocked, type CheckoutResult, checkoutSelected } from "./checkout.ts";
import { fetchCollected, type FetchedLocked } from "./fetch.ts";
import { headPlace, isSamePlace } from "./undoHead.ts";

export interface SnapshotRestoreOptions extends CallOptions {
  /** Leave the code: only data, and the files that record it. */
  readonly dataOnly?: boolean;
  /** Only these files and folders, relative to the working folder. */
  readonly paths?: readonly string[];
  /** Where to fetch missing data; the remote that each output names, else the default one. */
  readonly remote?: string;
  readonly jobs?: number;
}

export interface SnapshotRestoreResult {
  readonly name: string;
  readonly commit: string;
  /** The branch that HEAD is on now; null when it is on none (a tag or a commit was restored). */
  readonly branch: string | null;
  /** Files of Git's that were written, from Git's top folder; null when Git checked out the whole commit. */
  readonly code: readonly string[] | null;
  readonly fetched: number;
  readonly data: CheckoutResult;
  /** Outputs with `push: false` that are not in this cache: no remote gets them, so they were left as they were. */
  readonly absent: readonly string[];
}

/**
 * Brings back a snapshot: code and data, only the data, or only some paths. What is missing in the cache is fetched first.
 * @throws {DvcError} `unsaved-files` when the workspace holds work that is saved nowhere, `missing-object` when data can't be
 * had: nothing was changed then. {ScmError} when Git refuses.
 * @example await snapshotRestore(repo, "v1.0", { paths: ["model.pkl"] })
 */
export async function snapshotRestore(
  repo: Repo,
  name: string,
  options: SnapshotRestoreOptions = {},
): Promise<SnapshotRestoreResult> {
  refuseUnfinished(snapshotGit(repo));
  const snapshot = findSnapshot(repo, name);
  const isPart = options.dataOnly === true || (options.paths?.length ?? 0) > 0;
  return journaled(repo, "snapshot restore", () =>
    isPart ? restoreParts(repo, snapshot, options) : restoreWhole(repo, snapshot, options),
  );
}

async function restoreWhole(
  repo: Repo,
  snapshot: FoundSnapshot,
  options: SnapshotRestoreOptions,
): Promise<SnapshotRestoreResult> {
  const git = snapshotGit(repo);
  const {
    fetched,
    absent,
    code,
    data: places,
  } = await withRepoLock(repo, options, async () => {
    const outs = [...presentOuts(repo, snapshot.commit), ...snapshot.index.outs];
    const data = dataPlaces(outs);
    const code = unsavedCode(repo, git.tree(snapshot.commit), data);
    refuseUnsaved(repo, code.unsaved, await unsavedData(repo, outs, options));
    const brought = await bring(repo, snapshot, snapshot.index.collect([]), options);
    return { fetched: brought.fetched, absent: brought.absent, code, data };
  });
  // Without the repository's lock: hooks of Git may call us again.
  await switchGit(repo, snapshot, code, places, options);
  // Its config, too, may be another one now.
  const now = await openRepo(repo.env, options.reporter === undefined ? {} : { reporter: options.reporter });
  try {
    const data = await journaledWith(repo, now, () =>
      withRepoLock(now, options, () =>
        checkoutLocked(now, [], { ...callOf(options), allowMissing: absent.length > 0 }),
      ),
    );
    return { ...namesOf(snapshot), branch: git.currentBranch() ?? null, code: null, fetched, data, absent };
  } finally {
    now.close();
  }
}

/** Has Git check out the commit; a branch stays a branch. */
async function switchGit(
  repo: Repo,
  { name, commit }: FoundSnapshot,
  { changed, begun }: UnsavedCode,
  data: readonly OsPath[],
  options: CallOptions,
): Promise<void> {
  const git = snapshotGit(repo);
  const isForced = changed.length > 0;
  const isBranch = git.branches().get(name) === commit && git.ref(`refs/tags/${name}`) === undefined;
  if (git.head() === commit && !isForced && (!isBranch || git.currentBranch() === name)) return;
  // All that differs from HEAD is as in the commit already: an interrupted run got so far.
  const words = [...(isForced ? ["--force"] : []), ...(isBranch ? [name] : ["--detach", commit])];
  const before = headPlace(repo);
  putBegunAside(repo, begun, options);
  if (before !== undefined)
    note(repo, { kind: "head", path: git.root, before, after: { branch: isBranch ? name : null, commit } });
  try {
    await checkOutGit(repo, commit, words, data, options);
  } catch (error) {
    // What Git has left half done the same command, run again, must know for ours.
    const isAsBefore = (): boolean =>
      unsavedCode(repo, git.tree(commit), data).changed.join("\0") === changed.join("\0");
    if (before !== undefined && isSamePlace(headPlace(repo), before) && isAsBefore()) dropEntry(repo);
    throw error;
  }
}

async function restoreParts(
  repo: Repo,
  snapshot: FoundSnapshot,
  options: SnapshotRestoreOptions,
): Promise<SnapshotRestoreResult> {
  const { paths = [] } = options;
  const parts = paths.length === 0 ? dataParts(snapshot) : partsAt(repo, snapshot, paths);
  const wanted: SnapshotParts = options.dataOnly === true ? { ...parts, files: recordsAmong(parts) } : parts;
  return withRepoLock(repo, options, async () => {
    const git = snapshotGit(repo);
    const tree = git.tree(snapshot.commit);
    const outs = selectedOutputs(wanted.data).filter(({ out }) => out.useCache);
    const { unsaved } = unsavedCode(repo, tree, dataPlaces(outs), new Set(wanted.files));
    refuseUnsaved(repo, unsaved, await unsavedData(repo, outs, options));
    const { fetched, partial, absent } = await bring(repo, snapshot, wanted.data, options);
    refuseAbsent(repo, snapshot, outs);
    // Data first: a pointer must not say what is not there yet.
    const data = await checkoutSelected(repo, wanted.data, {
      ...callOf(options),
      partial,
      allowMissing: absent.length > 0,
    });
    const code = writeFromCommit(repo, snapshot, wanted.files);
    await withGitContext(repo, { ...callOf(options), untold: true }, (context) => {
      for (const { out } of outs) if (lstatSync(out.path, { throwIfNoEntry: false })) context.ignore(out.path);
      return Promise.resolve();
    });
    const written = code.map((path) => posixRelative(git.root, path));
    return { ...namesOf(snapshot), branch: git.currentBranch() ?? null, code: written, fetched, data, absent };
  });
}

/** @throws {UsageError} for a part of a folder that the snapshot's manifest does not list */
function refuseAbsent(
  repo: Repo,
  { name }: FoundSnapshot,
  outs: readonly { readonly out: Output; readonly within: RelPath | undefined }[],
): void {
  for (const { out, within } of outs) {
    if (within === undefined || out.hash === undefined) continue;
    const hashName = out.hash.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
    const tree = cachedManifest(repo, { hashName }, out.hash.value);
    if (tree !== undefined && (tree.get(within) !== undefined || tree.hasFolder(within))) continue;
    const path = `${posixRelative(repo.root, out.path)}/${within}`;
    throw new UsageError(`'${path}' is not in snapshot '${name}'`, { code: "not-found" });
  }
}

function recordsAmong({ data, files }: SnapshotParts): readonly OsPath[] {
  const records = new Set(data.map(({ stage }) => stage.file));
  return files.filter((path) => records.has(path) || /[/\\]dvc\.lock$/.test(path));
}

/** Fetches what the cache lacks. @throws {DvcError} `missing-object` when it can't be had: before anything was changed */
async function bring(
  repo: Repo,
  snapshot: FoundSnapshot,
  selected: readonly Selected[],
  options: SnapshotRestoreOptions,
): Promise<FetchedLocked & { readonly absent: readonly string[] }> {
  const { remote, jobs } = options;
  const named = { ...(remote === undefined ? {} : { remote }), ...(jobs === undefined ? {} : { jobs }) };
  const fetched = await fetchCollected(repo, [{ selected, index: snapshot.index }], { ...callOf(options), ...named });
  const chosen = new Set(selectedOutputs(selected).map(({ out }) => out.path));
  if (selected.some(({ within }) => within !== undefined)) return { ...fetched, absent: [] };
  const needs = snapshotNeeds(repo, snapshot.index, ({ out }) => chosen.has(out.path) && out.canPush);
  const [presence] = await presenceInCache(repo, [needs]);
  if (presence?.complete === false) {
    const lacking = presence.objects - presence.present;
    throw new DvcError(
      `${String(Math.max(1, lacking))} objects of snapshot '${snapshot.name}' are neither in the cache nor on a remote`,
      {
        code: "missing-object",
        hint: `Nothing was changed. See which: ${repo.env.programName} snapshot verify ${snapshot.name}`,
      },
    );
  }
  return { ...fetched, absent: await absentLocal(repo, snapshot, chosen, options) };
}

/** Of the outputs that no remote gets (`push: false`) those that this cache lacks, with a warning. */
async function absentLocal(
  repo: Repo,
  { index }: FoundSnapshot,
  chosen: ReadonlySet<OsPath>,
  options: CallOptions,
): Promise<string[]> {
  const local = index.outs.filter(({ out }) => out.useCache && !out.canPush && chosen.has(out.path));
  const found = await presenceInCache(
    repo,
    local.map((one) => needsOf(repo, [one])),
  );
  const paths = local.filter((_, at) => found[at]?.complete === false).map(({ out }) => shownPath(repo, out));
  if (paths.length > 0)
    warn(
      options,
      `left as it was, since no remote gets it ('push: false') and the cache lacks it: ${paths.join(", ")}`,
    );
  return paths;
}

function namesOf({ name, commit }: FoundSnapshot): { name: string; commit: string } {
  return { name, commit };
}

function callOf({ signal, reporter }: CallOptions): CallOptions {
  return { ...(signal === undefined ? {} : { signal }), ...(reporter === undefined ? {} : { reporter }) };
}
