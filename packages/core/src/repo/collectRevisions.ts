import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { DvcError, NotDvcRepoError } from "../base/errors.ts";
import { type Index, loadIndex, type Selected } from "./index.ts";
import type { Repo } from "./repo.ts";
import { type RevisionOptions, revisions } from "./revisions.ts";

export interface CollectOptions extends RevisionOptions, CallOptions {
  readonly withDeps?: boolean;
  readonly recursive?: boolean;
}

/** What one revision tracks of the targets. */
export interface CollectedRevision {
  readonly name: string;
  readonly index: Index;
  readonly selected: readonly Selected[];
}

/**
 * Collects targets in the workspace and every revision asked for. A revision that can't be read is skipped with DVC's
 * warning; when all fail, the last failure is thrown.
 */
export function collectRevisions(repo: Repo, targets: readonly string[], options: CollectOptions): CollectedRevision[] {
  const collected: CollectedRevision[] = [];
  let failure: DvcError | undefined;
  for (const { name, rev } of revisions(repo, options)) {
    try {
      const index = loadIndex(repo, rev === undefined ? {} : { rev });
      const selected = index.collect(targets, {
        recursive: options.recursive === true,
        withDeps: options.withDeps === true,
      });
      collected.push({ name, index, selected });
    } catch (error) {
      if (!(error instanceof DvcError) || options.signal?.aborted === true) throw error;
      if (error instanceof NotDvcRepoError) continue;
      failure = error;
      warn(options, `failed to collect '${name}', skipping`);
    }
  }
  if (collected.length === 0 && failure !== undefined) throw failure;
  return collected;
}
