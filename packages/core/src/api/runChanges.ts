import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import {
  dependencyStates,
  type EntryStates,
  isCallback,
  isChecksumChanged,
  isCommandChanged,
  outputStates,
  type PresentState,
} from "../pipeline/changed.ts";
import { isRepoImport, type Output, type Stage } from "../pipeline/stage.ts";
import { presentState } from "../repo/presentState.ts";
import type { Repo } from "../repo/repo.ts";
import { shownPath } from "../repo/shown.ts";
import { lookAtStorage } from "./storageDependency.ts";

/** What differs, by path as shown. */
export interface Changes {
  /** The command, or the file's own checksum; or the stage runs each time. */
  readonly always: boolean;
  /** The command, or the file's own checksum. */
  readonly file: boolean;
  readonly deps: EntryStates;
  readonly outs: EntryStates;
}

/** Compares a stage with what is there; `instead` stands for the files at its paths. */
export async function findChanges(
  repo: Repo,
  stage: Stage,
  options: CallOptions,
  instead: ReadonlyMap<OsPath, Output> = new Map(),
): Promise<{ readonly changes: Changes; readonly present: PresentState }> {
  const now = await presentState(repo, stage, {
    ...options,
    checkUpdates: isRepoImport(stage) && !stage.frozen,
    outputStatesOnly: true,
    lookAt: (dep, call) => lookAtStorage(repo, dep, call),
  });
  const present: PresentState =
    instead.size === 0 ? now : { ...now, hashOf: (entry) => instead.get(entry.path)?.hash?.value ?? now.hashOf(entry) };
  const isOften = !stage.frozen && (isCallback(stage) || stage.alwaysChanged);
  const file = stage.name === undefined ? isChecksumChanged(stage) : isCommandChanged(stage);
  const changes = {
    always: file || isOften,
    file,
    deps: stage.frozen ? {} : dependencyStates(stage, present),
    outs: outputStates(stage, present),
  };
  return { changes, present };
}

/** Whether what differs makes the stage run. */
export function isChanged(
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
