import { lstatSync } from "node:fs";
import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { readPlainText } from "../fs/atomic.ts";
import type { JournalEntry, JournalStep } from "../repo/journal.ts";
import { look } from "../repo/noteData.ts";
import type { Repo } from "../repo/repo.ts";

/**
 * The paths of an entry that hold neither what its command left there nor, since a kill may have interrupted an earlier undo,
 * what was there before.
 */
export async function findConflicts(repo: Repo, entry: JournalEntry, options: CallOptions): Promise<OsPath[]> {
  const found = new Set<OsPath>();
  const kept = new Set(entry.steps.filter(({ kind }) => kind === "kept").map(({ path }) => path));
  for (const step of entry.steps) {
    if (step.kind === "text") {
      const now = readPlainText(step.path) ?? null;
      if (!textsOf(entry, step.path).has(now)) found.add(step.path);
    } else if (step.kind === "moved") {
      if (isThere(step.path) && isThere(step.to)) found.add(step.path);
    } else if (step.kind === "data" && (await isChanged(repo, entry, step, options))) found.add(step.path);
    else if (step.kind === "kept" && !hasDataStep(entry, step.path)) {
      // Taken away whole: its place must be free, unless it is back already.
      if (isThere(step.path) && isThere(step.at) && kept.has(step.path)) found.add(step.path);
    }
  }
  return [...found];
}

function textsOf(entry: JournalEntry, path: OsPath): Set<string | null> {
  const texts = new Set<string | null>();
  for (const step of entry.steps) {
    if (step.kind !== "text" || step.path !== path) continue;
    texts.add(step.before);
    texts.add(step.after);
  }
  return texts;
}

async function isChanged(
  repo: Repo,
  entry: JournalEntry,
  step: Extract<JournalStep, { kind: "data" }>,
  options: CallOptions,
): Promise<boolean> {
  const steps = entry.steps.filter((one) => one.kind === "data" && one.path === step.path) as (typeof step)[];
  if (steps.some(({ after }) => after === undefined)) return false;
  // An undo that was killed has put some of it back; what else is there is compared file by file before it is replaced.
  if (entry.steps.some((one) => one.kind === "kept" && one.path.startsWith(step.path) && !isThere(one.at)))
    return false;
  const hashes = steps.flatMap(({ before, after }) => [before, after ?? null]);
  const name = hashes.find((one) => one !== null)?.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
  const now = await look(repo, step.path, name, options);
  if (now === undefined) return isThere(step.path);
  return !hashes.some((one) => one?.value === now.hash.value);
}

function hasDataStep(entry: JournalEntry, path: OsPath): boolean {
  return entry.steps.some((one) => one.kind === "data" && (one.path === path || path.startsWith(`${one.path}/`)));
}

function isThere(path: OsPath): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
