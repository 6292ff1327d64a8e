import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { DvcError, NotDvcRepoError } from "../base/errors.ts";
import { type Index, loadIndex, type Selected } from "./index.ts";
import { selectedOutputs } from "./objects.ts";
import type { Repo } from "./repo.ts";
import { remoteNameOf, resolveRemote } from "./resolveRemote.ts";
import { type RevisionOptions, revisions } from "./revisions.ts";

export interface CollectOptions extends RevisionOptions, CallOptions {
  readonly withDeps?: boolean;
  readonly recursive?: boolean;
  /** The remote asked for. */
  readonly remote?: string;
  /** A revision that can't be read ends the work. */
  readonly strict?: boolean;
  /** Hears of each revision that can't be read. */
  readonly onSkipped?: (name: string, error: DvcError) => void;
  /** Which remotes must be in the config: those that the outputs name, or (`used`) also the one asked for or the default. */
  readonly needed?: "named" | "used";
}

/** What one revision tracks of the targets. */
export interface CollectedRevision {
  readonly name: string;
  /** Its commit; undefined for the workspace. */
  readonly rev: string | undefined;
  readonly index: Index;
  readonly selected: readonly Selected[];
}

/**
 * Collects targets in the workspace and every revision asked for. A revision that can't be read is skipped with DVC's
 * warning; when all fail, the last failure is thrown, unless `onSkipped` hears of them.
 * @throws {DvcError} `Failed to collect '<rev>'` when it is to be strict
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
      checkRemotes(repo, selected, options);
      collected.push({ name, rev, index, selected });
    } catch (error) {
      if (!(error instanceof DvcError) || options.signal?.aborted === true) throw error;
      if (error instanceof NotDvcRepoError) continue;
      if (options.strict === true)
        throw new DvcError(`Failed to collect '${name}'`, { code: error.code, cause: error });
      failure = error;
      options.onSkipped?.(name, error);
      warn(options, `failed to collect '${name}', skipping`);
    }
  }
  if (collected.length === 0 && failure !== undefined && options.onSkipped === undefined) throw failure;
  return collected;
}

/** @throws {ConfigError} for a remote that is not in the config. */
function checkRemotes(repo: Repo, selected: readonly Selected[], options: CollectOptions): void {
  if (options.needed === undefined) return;
  const names = new Set(selectedOutputs(selected).flatMap(({ out }) => out.remote ?? []));
  const used = options.needed === "used" ? remoteNameOf(repo, options.remote) : undefined;
  if (used !== undefined) names.add(used);
  for (const name of names) resolveRemote(repo, name);
}
