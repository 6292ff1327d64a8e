import { join } from "node:path";
import { compareCodePoints, sortByPath } from "../base/codePoints.ts";
import type { CallOptions } from "../base/events.ts";
import { DvcError, NotDvcRepoError } from "../base/errors.ts";
import { posixRelative, type RelPath } from "../base/paths.ts";
import { type DataRoot, diffRoots } from "../data/entries.ts";
import { isLink } from "../fs/isLink.ts";
import { cacheFor, recordedHash, recordedRoots, type StageOutput, workspaceRoots } from "../repo/dataRoots.ts";
import { type Index, loadIndex, type Selected } from "../repo/index.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { requireGit } from "../repo/revisions.ts";

export interface DiffOptions extends CallOptions {
  /** Only these paths. */
  readonly targets?: readonly string[];
}

/** One changed path. Folders end in "/". */
export interface DiffEntry {
  readonly path: string;
  readonly hash: string | null;
}

/** Names of DVC's JSON; lists are sorted by path. `not in cache` is empty when the second revision is given. */
export interface DiffResult {
  readonly added: readonly DiffEntry[];
  readonly deleted: readonly DiffEntry[];
  readonly modified: readonly {
    readonly path: string;
    readonly hash: { readonly old: string | null; readonly new: string | null };
  }[];
  readonly renamed: readonly { readonly path: { readonly old: string; readonly new: string }; readonly hash: string }[];
  readonly "not in cache": readonly DiffEntry[];
}

const nothing: DiffResult = { added: [], deleted: [], modified: [], renamed: [], "not in cache": [] };

/**
 * Compares tracked data of two revisions, or of one and the workspace.
 * @param a a revision; "HEAD" by default
 * @param b a revision; the workspace when undefined
 * @throws {ScmError} for an unknown revision.
 */
export async function diff(repo: Repo, a = "HEAD", b?: string, options: DiffOptions = {}): Promise<DiffResult> {
  return withRepoLock(repo, { ...options, readOnly: true }, async () => {
    const git = requireGit(repo);
    if (git.head() === undefined) return nothing;
    const [oldRev, newRev] = [git.resolveRev(a), b === undefined || b === "workspace" ? undefined : git.resolveRev(b)];
    if (oldRev === newRev) return nothing;
    const missing = new MissingTargets();
    const read = (rev?: string): Selection =>
      select(loadIndex(repo, rev === undefined ? {} : { rev }), options.targets, missing);
    // What is wrong with the workspace is told first.
    const workspace = newRev === undefined ? read() : undefined;
    let before, after: Selection;
    try {
      before = read(oldRev);
      after = workspace ?? read(newRev);
    } catch (error) {
      // A commit from before the project was made has nothing to compare with.
      if (error instanceof NotDvcRepoError) return nothing;
      throw error;
    }
    missing.check();
    const old = recordedRoots(repo, before.outs);
    const now =
      newRev === undefined ? await workspaceRoots(repo, after.outs, options) : recordedRoots(repo, after.outs);
    const only = filterOf(repo, before, after);
    return shape(repo, before, old, now, newRev === undefined, only);
  });
}

interface Selection {
  readonly outs: readonly StageOutput[];
  readonly selected: readonly Selected[] | undefined;
}

function select(index: Index, targets: readonly string[] | undefined, missing: MissingTargets): Selection {
  if (targets === undefined || targets.length === 0) return { outs: index.outs, selected: undefined };
  const selected: Selected[] = [];
  for (const target of targets) {
    try {
      selected.push(...index.collect([target]));
    } catch (error) {
      if (!(error instanceof DvcError)) throw error;
      missing.note(target);
    }
  }
  const outs = selected.flatMap((one) =>
    (one.out === undefined ? one.stage.outs : [one.out]).map((out) => ({ stage: one.stage, out })),
  );
  return { outs, selected };
}

/** Targets that neither side knows. */
class MissingTargets {
  readonly #counts = new Map<string, number>();
  note(target: string): void {
    this.#counts.set(target, (this.#counts.get(target) ?? 0) + 1);
  }
  check(): void {
    for (const [target, count] of this.#counts) {
      if (count > 1) throw new DvcError(`[Errno 2] No such file or directory: '${target}'`, { code: "not-found" });
    }
  }
}

function filterOf(repo: Repo, ...sides: readonly Selection[]): ((path: RelPath) => boolean) | undefined {
  const all = sides.flatMap((side) => side.selected ?? []);
  if (!all.some((one) => one.within !== undefined)) return undefined;
  const keys = all.flatMap((one) =>
    (one.out === undefined ? one.stage.outs : [one.out]).map((out) => {
      const key = posixRelative(repo.root, out.path);
      return one.within === undefined ? key : `${key}/${one.within}`;
    }),
  );
  return (path) => keys.some((key) => path === key || path.startsWith(`${key}/`));
}

function shape(
  repo: Repo,
  before: Selection,
  old: ReadonlyMap<RelPath, DataRoot>,
  now: ReadonlyMap<RelPath, DataRoot>,
  withMissing: boolean,
  only: ((path: RelPath) => boolean) | undefined,
): DiffResult {
  const found = diffRoots(old, now, {
    granular: true,
    unchanged: false,
    renames: true,
    unrecorded: true,
    ...(only === undefined ? {} : { only }),
  });
  // A link that leads nowhere is there, with no content that could be told.
  const isBroken = ({ path }: { readonly path: string }): boolean => withMissing && isLink(join(repo.root, path));
  const entry = (item: { path: string; hash: string | undefined }): DiffEntry => ({
    path: item.path,
    hash: item.hash ?? null,
  });
  return {
    added: sortByPath(found.added.map(entry)),
    deleted: sortByPath(found.deleted.filter((item) => !isBroken(item)).map(entry)),
    modified: sortByPath([
      ...found.modified.map((item) => ({
        path: item.oldPath,
        hash: { old: item.old ?? null, new: item.new ?? null },
      })),
      ...found.deleted.filter(isBroken).map(({ path, hash }) => ({ path, hash: { old: hash ?? null, new: null } })),
    ]),
    renamed: found.renamed
      .map((item) => ({ path: { old: item.old, new: item.new }, hash: item.hash }))
      .sort((x, y) => compareCodePoints(x.path.old, y.path.old)),
    "not in cache": withMissing ? sortByPath(missingOf(repo, before.outs, old, only)) : [],
  };
}

function missingOf(
  repo: Repo,
  outs: readonly StageOutput[],
  roots: ReadonlyMap<RelPath, DataRoot>,
  only: ((path: RelPath) => boolean) | undefined,
): DiffEntry[] {
  const missing: DiffEntry[] = [];
  for (const one of outs) {
    const hash = recordedHash(one);
    const root = roots.get(posixRelative(repo.root, one.out.path));
    if (hash === undefined || root?.hash === undefined) continue;
    if (root.isDir && cacheFor(repo, hash).isKnownWhole(hash.value, one.out.meta.nfiles)) continue;
    const tree = root.tree?.();
    const there = cacheFor(repo, hash).exists([root.hash, ...(tree?.md5s() ?? [])]);
    const note = (path: string, oid: string, key: string): void => {
      if (!there.has(oid) && (only?.(key) ?? true)) missing.push({ path, hash: oid });
    };
    note(root.isDir ? `${root.key}/` : root.key, root.hash, root.key);
    for (const file of tree ?? []) note(`${root.key}/${file.relpath}`, file.md5, `${root.key}/${file.relpath}`);
  }
  return missing;
}
