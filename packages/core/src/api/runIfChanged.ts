import { info } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import {
  dependencyStates,
  type EntryStates,
  isCallback,
  isChecksumChanged,
  isCommandChanged,
  outputStates,
} from "../pipeline/changed.ts";
import { isRepoImport, type Output, type Stage } from "../pipeline/stage.ts";
import type { GitContext } from "../repo/gitContext.ts";
import { checkPathLocks } from "../repo/pathLocks.ts";
import { presentState } from "../repo/presentState.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownPath, shownStage } from "../repo/shown.ts";
import { pullStage } from "./runPull.ts";
import { pathsOf, runStage, type RunStageOptions } from "./runStage.ts";

/** How one step of a reproduction is made. */
export interface ReproduceOptions extends RunStageOptions {
  readonly interactive?: boolean;
  readonly confirm?: (question: string) => Promise<boolean>;
  /** The stages whose outputs this one reads, as they are after their turn. */
  readonly upstream: readonly Stage[];
}

/**
 * Runs a stage when something that counts has changed, or `force`. Returns it with its new records, to be saved; undefined
 * when it was up to date, or its missing data could be pulled.
 * @throws {DvcError} `reproduction aborted by the user`, and what running throws.
 */
export async function reproduceStage(
  repo: Repo,
  stage: Stage,
  context: GitContext,
  options: ReproduceOptions,
): Promise<Stage | undefined> {
  checkPathLocks(repo, pathsOf(stage), options);
  if (options.force !== true) {
    const changes = await findChanges(repo, stage, options);
    if (!isChanged(repo, stage, changes, options.allowMissing === true, options.upstream)) {
      const kind = stage.name === undefined && stage.cmd === undefined ? "" : "Stage ";
      info(options, `${kind}'${addressOf(repo, stage)}' didn't change, skipping`);
      return undefined;
    }
    if (options.pull === true && !isChanged(repo, stage, changes, true, options.upstream)) {
      if (await pullStage(repo, stage, options)) return undefined;
    }
  }
  await askFirst(repo, stage, options);
  return runStage(repo, stage, context, options);
}

async function askFirst(repo: Repo, stage: Stage, options: ReproduceOptions): Promise<void> {
  if (options.interactive !== true && repo.config.flag("core", "interactive") !== true) return;
  const question = `Going to reproduce ${shownStage(repo, stage)}. Are you sure you want to continue?`;
  if ((await options.confirm?.(question)) !== true) throw new DvcError("reproduction aborted by the user");
}

/** What differs, by path as shown. */
interface Changes {
  /** The command, or the file's own checksum; or the stage runs each time. */
  readonly always: boolean;
  readonly deps: EntryStates;
  readonly outs: EntryStates;
}

async function findChanges(repo: Repo, stage: Stage, options: ReproduceOptions): Promise<Changes> {
  const present = await presentState(repo, stage, {
    ...options,
    checkUpdates: isRepoImport(stage) && !stage.frozen,
  });
  const isOften = !stage.frozen && (isCallback(stage) || stage.alwaysChanged);
  return {
    always: (stage.name === undefined ? isChecksumChanged(stage) : isCommandChanged(stage)) || isOften,
    deps: stage.frozen ? {} : dependencyStates(stage, present),
    outs: outputStates(stage, present),
  };
}

function isChanged(
  repo: Repo,
  stage: Stage,
  changes: Changes,
  allowMissing: boolean,
  upstream: readonly Stage[],
): boolean {
  if (changes.always) return true;
  const deps = stage.deps.filter((dep) => changes.deps[shownPath(repo, dep)] !== undefined);
  for (const dep of deps) {
    if (!allowMissing || changes.deps[shownPath(repo, dep)] !== "deleted") return true;
    if (dep.kind !== "file") continue;
    // Missing, and the stage that makes it has made another one since.
    const isOther = (out: Output): boolean => out.path === dep.path && !isSameHash(out, dep);
    if (upstream.some((one) => one.outs.some(isOther))) return true;
  }
  return Object.values(changes.outs).some(
    (state) => !allowMissing || (state !== "not in cache" && state !== "deleted"),
  );
}

/** Also of the same kind: DVC takes a record of 2.x for another one. */
function isSameHash(one: Pick<Output, "hash">, other: Pick<Output, "hash">): boolean {
  return one.hash?.value === other.hash?.value && one.hash?.name === other.hash?.name;
}
