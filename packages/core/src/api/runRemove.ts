import { lstatSync } from "node:fs";
import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { stagingPath } from "../data/swap.ts";
import { unprotectPath } from "../data/unprotect.ts";
import { removeTree } from "../fs/heldFolders.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import { flushJournal, note, readJournal } from "../repo/journal.ts";
import { isStored, Keeper, manifestText } from "../repo/keep.ts";
import { hashNameOf, look } from "../repo/noteData.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import type { Repo } from "../repo/repo.ts";

/**
 * Clears the way for a run. What lies outside of the project is left alone; what persists becomes writable. What a person
 * made of an output, and no cache has, goes into the trash.
 */
export async function removeOutputs(repo: Repo, stage: Stage, options: CallOptions): Promise<void> {
  const keeper = new Keeper(repo, "repro");
  try {
    for (const out of stage.outs) await removeOutput(repo, stage, out, keeper, options);
    flushJournal(repo);
  } finally {
    keeper.finish();
  }
}

async function removeOutput(
  repo: Repo,
  stage: Stage,
  out: Output,
  keeper: Keeper,
  options: CallOptions,
): Promise<void> {
  if (!out.isLocal || (!out.useCache && !out.isInRepo)) return;
  checkOutputPath(repo, stage, out);
  const { path } = out;
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    note(repo, { kind: "data", path, before: null }, { soft: true });
    return;
  }
  const held = await look(repo, path, hashNameOf(out), options);
  const isKept = held !== undefined && isStored(repo, held);
  // What the run will make of it is noted when it is known.
  if (isKept) note(repo, { kind: "data", path, before: held.hash, ...manifestText(repo, held) }, { soft: true });
  if (out.persist) {
    if (out.useCache) unprotectPath(path, repo.root);
  } else if (isKept || isLeftover(repo, path)) removeTree(repo.root, path, stagingPath(repo.tmpDir));
  else {
    keeper.keep(path);
    note(repo, { kind: "data", path, before: null }, { soft: true });
  }
}

/** Notes what the output of a run is afterwards. */
export function noteMade(repo: Repo, { path, hash }: Output): void {
  if (hash !== undefined) note(repo, { kind: "data", path, after: hash }, { soft: true });
}

/** Whether a path holds what a run left that failed, or was killed: nobody's work, and often large. */
function isLeftover(repo: Repo, path: OsPath): boolean {
  for (const { verb, steps } of readJournal(repo)) {
    const last = steps.findLast((step) => step.kind === "data" && step.path === path);
    if (last?.kind === "data") return verb === "repro" && last.after === undefined;
  }
  return false;
}
