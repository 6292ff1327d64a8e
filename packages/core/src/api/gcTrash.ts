import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { restoreObjects, type TrashTotal } from "../odb/trash.ts";
import { markEntry, readJournal } from "../repo/journal.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { emptyTrash, objectBins, trashTotal } from "../repo/trash.ts";

/** What came back from the trash, and what is still in it. */
export interface GcUndoResult {
  readonly restored: TrashTotal;
  /** The command that is taken back, and when it ran (ms since the epoch); undefined when its record can't be read. */
  readonly command: string | undefined;
  readonly at: number | undefined;
  readonly trash: TrashTotal;
}

/** What went for good. */
export interface GcPurgeResult {
  readonly freed: TrashTotal;
}

/**
 * Brings the objects of the last `gc` back into the cache. Called again it goes one further back. Killed in between, a
 * second call does the rest.
 * @throws {DvcError} `not-found` when no `gc` is left in the trash
 */
export async function undoGc(repo: Repo, options: CallOptions = {}): Promise<GcUndoResult> {
  return withRepoLock(repo, options, () => {
    const [bin] = objectBins(repo);
    if (bin === undefined)
      throw new DvcError("the trash holds no objects: there is no 'gc' to take back", { code: "not-found" });
    const restored = restoreObjects(bin, [repo.cache, repo.legacyCache]);
    // So that 'undo' does not look for what is back.
    for (const entry of readJournal(repo))
      if (!entry.isUndone && entry.steps.some(({ kind, path }) => kind === "bin" && path === bin.path))
        markEntry(entry, { undone: true });
    return { restored, command: bin.record?.command, at: bin.record?.at, trash: trashTotal(repo) };
  });
}

/** Empties the trash for good. @throws the file system's error */
export async function purgeTrash(repo: Repo, options: CallOptions = {}): Promise<GcPurgeResult> {
  return withRepoLock(repo, options, () => ({ freed: emptyTrash(repo, 0) }));
}
