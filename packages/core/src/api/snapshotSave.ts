import { dirname, join } from "node:path";
import { DvcError, ScmError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { isRepoImport, type Stage } from "../pipeline/stage.ts";
import { loadIndex } from "../repo/index.ts";
import { dropEntry, journaled, noteFinal } from "../repo/journal.ts";
import { withRepoLock } from "../repo/locks.ts";
import { isPushed } from "../repo/objects.ts";
import type { Repo } from "../repo/repo.ts";
import { resolveRemote } from "../repo/resolveRemote.ts";
import { addressOf } from "../repo/shown.ts";
import type { Git } from "../scm/git.ts";
import { checkTagName, pushTarget, type PushTarget, refuseUnfinished } from "../scm/gitPlace.ts";
import { checkOnRemote } from "../snapshots/check.ts";
import { snapshotContents } from "../snapshots/contents.ts";
import { snapshotGit } from "../snapshots/find.ts";
import { GitTransaction, KeptFiles } from "../snapshots/gitTransaction.ts";
import { snapshotObjects } from "../snapshots/objects.ts";
import { pushedData } from "../snapshots/presence.ts";
import { pushGit } from "../snapshots/pushGit.ts";
import { type FoundChanges, recordOf, workspaceChanges, type WorkspaceChanges } from "../snapshots/workspaceChanges.ts";
import { commitStages } from "./commit.ts";
import { push, type PushResult } from "./push.ts";
import { releaseData } from "./undoLinks.ts";
import { systemText } from "../data/ioError.ts";

export type { DataChange, WorkspaceChanges } from "../snapshots/workspaceChanges.ts";

export interface SnapshotSaveOptions extends CallOptions {
  /** Of the commit and of the tag; by default it is made of the tag or of what changed. */
  readonly message?: string;
  /** Name of an annotated tag to make. */
  readonly tag?: string;
  /** Push the data, then Git's branch and tag. */
  readonly push?: boolean;
  /** Name of the remote for the data. */
  readonly remote?: string;
  readonly jobs?: number;
  /** Only say what would be saved. */
  readonly dry?: boolean;
  /** Told what will be saved, before anything is. */
  readonly onChanges?: (changes: WorkspaceChanges) => void;
}

export interface SnapshotSaveResult {
  readonly changes: WorkspaceChanges;
  /** The commit of the snapshot; null before the first commit with `dry`. */
  readonly commit: string | null;
  /** Whether the commit was made now: false when HEAD had it all. */
  readonly isNew: boolean;
  readonly tag: string | null;
  /** Data of the snapshot. */
  readonly bytes: number;
  readonly files: number;
  /** Objects and bytes sent, and where Git's part went. */
  readonly pushed: { readonly objects: number; readonly bytes: number; readonly git: string } | null;
}

/**
 * Saves code, data and model as one snapshot: data into the cache, pointers and code as a Git commit, a tag on it, and with
 * `push` data, then Git. When anything fails, pointers, index, HEAD and tag are as before.
 * @throws {ScmError} without Git, in the middle of a merge, for a tag that exists, or what a hook said that refused.
 * @example await snapshotSave(repo, { tag: "v1.0", message: "first model", push: true })
 */
export async function snapshotSave(repo: Repo, options: SnapshotSaveOptions = {}): Promise<SnapshotSaveResult> {
  const git = snapshotGit(repo);
  refuseUnfinished(git);
  const target = options.push === true ? pushTarget(git) : undefined;
  const isTagged = options.tag !== undefined && refuseOtherTag(git, options.tag);
  return journaled(repo, "snapshot save", async () => {
    const begun = await withRepoLock(repo, options, () => recordData(repo, git, target, isTagged, options));
    return begun.isOver ? begun.result : saveInGit(repo, git, { ...begun, target, isTagged }, options);
  });
}

/** Git's part. */
async function saveInGit(
  repo: Repo,
  git: Git,
  { found, kept, pushed, target, isTagged }: Recorded & { target: PushTarget | undefined; isTagged: boolean },
  options: SnapshotSaveOptions,
): Promise<SnapshotSaveResult> {
  const transaction = new GitTransaction(git);
  noteMade(repo, git.head(), found.changes, isTagged ? undefined : options.tag);
  try {
    // Without the repository's lock: hooks of Git may call us again.
    const files = [...found.pointers, ...found.stages.map(recordOf)];
    const made = await transaction.commit(files, messageOf(found.changes, options), options);
    if (options.tag !== undefined && !isTagged)
      await transaction.tag(options.tag, messageOf(found.changes, options), options);
    const sent = target === undefined ? undefined : await pushGit(git, target, options.tag, options);
    return {
      ...resultOf(repo, found.changes, git.head() ?? null, options),
      isNew: made !== undefined,
      pushed: sent === undefined ? null : { objects: pushed?.pushed ?? 0, bytes: pushed?.bytes ?? 0, git: sent },
    };
  } catch (error) {
    throw takeBack(error, () => {
      transaction.undo();
      unrecord(repo, found.stages, kept);
    });
  }
}

/** Tells `undo` what is made of Git's, and how to take it back by hand. */
function noteMade(repo: Repo, head: string | undefined, changes: WorkspaceChanges, tag: string | undefined): void {
  const isCommit = hasAny(changes);
  const back = [
    ...(isCommit ? [head === undefined ? "git update-ref -d HEAD" : `git reset --soft ${head.slice(0, 7)}`] : []),
    ...(tag === undefined ? [] : [`git tag -d ${tag}`]),
  ];
  if (back.length === 0) return;
  const made = isCommit ? "a commit" : "a tag";
  noteFinal(
    repo,
    `it made ${made} of Git's; as long as nobody has it, you can take it back yourself: ${back.join("; ")}`,
  );
}

function hasAny({ data, code }: WorkspaceChanges): boolean {
  return data.length + code.length > 0;
}

interface Recorded {
  readonly found: FoundChanges;
  readonly kept: KeptFiles;
  readonly pushed: PushResult | undefined;
}

type Begun = { readonly isOver: true; readonly result: SnapshotSaveResult } | ({ readonly isOver: false } & Recorded);

/** Everything up to Git's part. */
async function recordData(
  repo: Repo,
  git: Git,
  target: PushTarget | undefined,
  isTagged: boolean,
  options: SnapshotSaveOptions,
): Promise<Begun> {
  const found = await workspaceChanges(repo, options);
  const { changes } = found;
  refuseEditedImports(repo, found);
  const hasChanges = hasAny(changes);
  if (isTagged && hasChanges) throw tagExists(repo, options.tag ?? "");
  if (hasChanges) refuseDetached(git);
  if (target !== undefined && target.branch === undefined && options.tag === undefined)
    throw new ScmError("HEAD is on no branch and no tag was asked for: there is nothing that Git could push", {
      hint: "Give the snapshot a name (--tag) or make a branch: git switch -c NAME",
    });
  if (target !== undefined) await checkRemotes(repo, options);
  options.onChanges?.(changes);
  if (options.dry === true) return { isOver: true, result: resultOf(repo, changes, git.head() ?? null, options) };
  if (hasChanges || (options.tag !== undefined && !isTagged)) checkIdentity(git);
  const kept = new KeptFiles(filesToChange(found.stages));
  try {
    if (found.stages.length > 0) await commitStages(repo, found.stages, callOf(options));
    const pushed = target === undefined ? undefined : await pushData(repo, options);
    return { isOver: false, found, kept, pushed };
  } catch (error) {
    throw takeBack(error, () => {
      unrecord(repo, found.stages, kept);
    });
  }
}

/** Takes back what was recorded of `stages`, which are as they were before. */
function unrecord(repo: Repo, stages: readonly Stage[], kept: KeptFiles): void {
  const before = new Map(stages.flatMap(({ outs }) => outs.map((out) => [out.path, out.hash] as const)));
  const changed = loadIndex(repo).outs.filter(({ out }) => out.useCache && out.isLocal && before.has(out.path));
  kept.restore();
  for (const { out } of changed)
    if (out.hash !== undefined) releaseData(repo, out.path, out.hash, before.get(out.path), repo.root);
  dropEntry(repo);
}

function filesToChange(stages: readonly Stage[]): OsPath[] {
  return stages.flatMap((stage) => [
    recordOf(stage),
    ...stage.outs.filter(({ isLocal }) => isLocal).map(({ path }) => join(dirname(path), ".gitignore")),
  ]);
}

/** Sends the data and makes sure that the remote has all of it. */
async function pushData(repo: Repo, options: SnapshotSaveOptions): Promise<PushResult> {
  const { remote, jobs } = options;
  const named = remote === undefined ? {} : { remote };
  // Code alone, or with data of other repositories, needs no remote for data.
  if (!loadIndex(repo).outs.some(isPushed)) return { pushed: 0, bytes: 0 };
  const result = await push(repo, [], { ...callOf(options), ...named, ...(jobs === undefined ? {} : { jobs }) });
  for (const group of await snapshotObjects(repo, loadIndex(repo), undefined, pushedData)) {
    if (group.names.size === 0) continue;
    const { problems, name } = await checkOnRemote(repo, group, group.remote ?? remote, false, callOf(options));
    const [first] = problems;
    if (first === undefined) continue;
    throw new DvcError(
      `remote '${name}' lacks ${String(problems.length)} objects of this snapshot, '${first.path}' among them, and this machine does not have them`,
      { code: "missing-object", hint: `Bring them here first: ${repo.env.programName} fetch` },
    );
  }
  return result;
}

/** Before anything is done: the remotes that data would go to must be configured. */
async function checkRemotes(repo: Repo, { remote }: SnapshotSaveOptions): Promise<void> {
  for (const group of await snapshotObjects(repo, loadIndex(repo), undefined, pushedData))
    resolveRemote(repo, group.remote ?? remote, "snapshot save --push");
}

function resultOf(
  repo: Repo,
  changes: WorkspaceChanges,
  commitId: string | null,
  { tag }: SnapshotSaveOptions,
): SnapshotSaveResult {
  const { bytes, files } = snapshotContents(repo, loadIndex(repo));
  return { changes, commit: commitId, isNew: false, tag: tag ?? null, bytes, files, pushed: null };
}

/** Whether the tag is there and names HEAD, as after an interrupted run. @throws {ScmError} when it names something else */
function refuseOtherTag(git: Git, name: string): boolean {
  checkTagName(git, name);
  if (git.ref(`refs/tags/${name}`) === undefined) return false;
  const commitId = git.tags().get(name);
  if (commitId !== undefined && commitId === git.head()) return true;
  throw new ScmError(`the tag '${name}' exists already${commitId === undefined ? "" : ` (${commitId.slice(0, 7)})`}`, {
    code: "exists",
    hint: `Nothing was saved. Choose another name, or remove it first: git tag -d ${name}`,
  });
}

/** @throws {DvcError} for data of another repository that is not as that one has it: nobody could bring it back */
function refuseEditedImports(repo: Repo, { changes, stages }: FoundChanges): void {
  const imports = new Set(stages.filter(isRepoImport).map((stage) => addressOf(repo, stage)));
  const edited = changes.data.find(({ stage, change }) => imports.has(stage) && change !== "not in cache");
  if (edited === undefined) return;
  const { programName } = repo.env;
  const { path, stage: file } = edited;
  throw new DvcError(`'${path}' is an import and was changed: no remote would hold what you made of it`, {
    code: "unsaved-files",
    hint: `Nothing was saved. Get back what was imported ('${programName} checkout --force ${file}'), or make it your own ('${programName} remove ${file}', then '${programName} add ${path}').`,
  });
}

function tagExists(repo: Repo, name: string): ScmError {
  return new ScmError(`the tag '${name}' exists already and there are changes that it does not hold`, {
    code: "exists",
    hint: `Nothing was saved. Choose another name: ${repo.env.programName} snapshot save --tag NAME`,
  });
}

function refuseDetached(git: Git): void {
  if (git.head() === undefined || git.currentBranch() !== undefined) return;
  throw new ScmError("HEAD is on no branch (detached): a new commit would belong to none", {
    hint: "Make a branch for it first: git switch -c NAME",
  });
}

/** @throws {ScmError} with what Git says to set */
function checkIdentity(git: Git): void {
  for (const name of ["GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"]) {
    const { code } = git.run(["var", name], { allow: [0, 1, 128, 129] });
    if (code !== 0)
      throw new ScmError("Git does not know who you are", {
        hint: "git config --global user.name 'Your Name' and git config --global user.email you@example.com",
      });
  }
}

function messageOf({ data }: WorkspaceChanges, { message, tag }: SnapshotSaveOptions): string {
  if (message !== undefined) return message;
  if (tag !== undefined) return `snapshot ${tag}`;
  const paths = data.map(({ path }) => path);
  const more = paths.length > 3 ? `, and ${String(paths.length - 3)} more` : "";
  return paths.length === 0 ? "snapshot" : `snapshot: ${paths.slice(0, 3).join(", ")}${more}`;
}

/** Undoes, and tells so with the failure. */
function takeBack(error: unknown, undo: () => void): unknown {
  let state = "Nothing was saved: pointer files, Git's index, HEAD and tags are as before";
  try {
    undo();
  } catch (problem) {
    state = `It could not all be taken back (${(problem as Error).message}); see 'git status' and 'git reflog'`;
  }
  const isOurs = error instanceof DvcError;
  if (!isOurs && !(error instanceof Error && "errno" in error)) return error;
  const next = (isOurs ? error.hint : undefined) ?? "Solve this, then run the same command again.";
  // A text that only repeats the system's is left to it.
  const { cause } = error;
  const said = cause instanceof Error && cause.message === error.message ? cause : error;
  const options = { code: isOurs ? error.code : "io", hint: `${state}. ${next}`, cause: said.cause } as const;
  return new DvcError(`the snapshot was not saved: ${systemText(said) ?? said.message}`, options);
}

function callOf({ signal, reporter }: CallOptions): CallOptions {
  return { ...(signal === undefined ? {} : { signal }), ...(reporter === undefined ? {} : { reporter }) };
}
