import { DvcError, NotDvcRepoError } from "../base/errors.ts";
import { warn } from "../base/events.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { Tree } from "../odb/tree.ts";
import { isImport, isRepoImport } from "../pipeline/stage.ts";
import type { StageOutput } from "../repo/dataRoots.ts";
import { loadIndex } from "../repo/index.ts";
import { broughtHash } from "../repo/broughtImports.ts";
import { collectKept } from "../repo/keptRoots.ts";
import { readManifest } from "../repo/manifests.ts";
import { wasPurged } from "../repo/purged.ts";
import { openRemote } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import { revisions } from "../repo/revisions.ts";
import { refuseShallow } from "../repo/shallow.ts";
import { addressOf, shownPath } from "../repo/shown.ts";
import { unmadeText } from "../repo/unmade.ts";
import { UsedObjects } from "../repo/usedObjects.ts";
import type { GcOptions } from "./gcOptions.ts";

/**
 * All objects that must stay: what the scope uses in this project and in those that were named, and what is needed beside
 * it (other worktrees, stashes, experiments, the index, projects that share the cache).
 * @throws {DvcError} when anything of it cannot be read; {UsageError} for a scope that a shallow clone cannot answer
 */
export async function collectUsed(repo: Repo, others: readonly Repo[], options: GcOptions): Promise<UsedObjects> {
  if (needsHistory(options)) for (const one of [...others, repo]) refuseShallow(one, options);
  const used = new UsedObjects();
  for (const one of [...others, repo]) await collectScope(one, options, used);
  await collectKept(repo, used, options);
  if (options.notInRemote === true) await dropThoseOnRemotes(repo, used, options);
  return used;
}

function needsHistory({ allBranches, allTags, allCommits, commitDate, num }: GcOptions): boolean {
  return (
    [allBranches, allTags, allCommits].includes(true) || commitDate !== undefined || (num !== undefined && num !== 1)
  );
}

/** For `--not-in-remote`: what a remote has is not needed here. */
async function dropThoseOnRemotes(repo: Repo, used: UsedObjects, options: GcOptions): Promise<void> {
  used.add(undefined, []);
  const there = new Set<string>();
  for (const [name, oids] of used.byRemote) {
    for (const legacy of [false, true]) {
      const remote = await openRemote(repo, name ?? options.remote, { ...options, legacy });
      for (const oid of await remote.exists([...oids], options)) there.add(oid);
      await remote.fs.close();
    }
  }
  for (const oid of there) used.all.delete(oid);
}

async function collectScope(repo: Repo, options: GcOptions, used: UsedObjects): Promise<void> {
  const scope = { ...options, ...(options.rev === undefined ? {} : { revs: [options.rev] }) };
  for (const { name, rev } of revisions(repo, scope)) {
    try {
      const index = loadIndex(repo, rev === undefined ? {} : { rev });
      for (const one of index.outs) await collectOutput(repo, one, rev, used, options);
    } catch (error) {
      // A commit from before the project was made needs nothing.
      if (error instanceof NotDvcRepoError) continue;
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
    if (isImport(stage)) {
      const brought = broughtHash(repo, one)?.value;
      if (brought !== undefined) used.add(undefined, broughtObjects(repo, brought));
      return;
    }
    if (rev === undefined) warn(options, unmadeText(repo, one));
    return;
  }
  const oid = out.hash.value;
  if (!isDirHash(oid)) {
    used.add(out.remote, [oid]);
    return;
  }
  // Most revisions name the same folders: each is read once.
  if (used.has(out.remote, oid)) return;
  const tree = await manifestOrNone(repo, one, options);
  if (tree === undefined) {
    // What only it needed went with it.
    if (rev !== undefined && wasPurged(repo, oid, rev)) return;
    throw new DvcError(`unable to fully collect used cache without cache for directory '${shownPath(repo, out)}'`, {
      code: "missing-object",
      hint: `Nothing was removed. Get its manifest with '${repo.env.programName} fetch ${addressOf(repo, stage)}', or leave the revision out with '--skip-failed'.`,
    });
  }
  used.add(out.remote, withManifest(oid, tree));
}

/** None of a folder whose manifest is gone: an output that records it is to say that nobody knows what it needs. */
function broughtObjects(repo: Repo, oid: string): Iterable<string> {
  if (!isDirHash(oid)) return [oid];
  const tree = repo.cache.readTree(oid);
  return tree === undefined ? [] : withManifest(oid, tree);
}

/** A manifest and all that it names. */
function* withManifest(oid: string, tree: Tree): Iterable<string> {
  yield oid;
  yield* tree.md5s();
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
