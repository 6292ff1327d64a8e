import { DvcError } from "../base/errors.ts";
import { type CallOptions, info } from "../base/events.ts";
import { type JournalEntry, markUndone, readJournal } from "../repo/journal.ts";
import { Keeper } from "../repo/keep.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { shownLocal } from "../repo/shown.ts";
import { findConflicts } from "./undoCheck.ts";
import { takeBack } from "./undoSteps.ts";

/** How to undo. */
export interface UndoOptions extends CallOptions {
  /** Only say what would be done. */
  readonly dry?: boolean;
  /** Also over files that were changed since: what they hold goes into the trash. */
  readonly force?: boolean;
}

/** What becomes of one path. */
export interface UndoneChange {
  readonly action: "write" | "delete" | "restore" | "remove" | "move back" | "bring back";
  /** Relative to the working folder. */
  readonly path: string;
}

/** What was taken back. */
export interface UndoResult {
  readonly verb: string;
  /** When it ran, ms since the epoch. */
  readonly at: number;
  /** In the order of the work. */
  readonly changes: readonly UndoneChange[];
}

/** One command that can be taken back, or was. */
export interface UndoEntry extends UndoResult {
  readonly isUndone: boolean;
}

/** What the journal holds, newest first. */
export function undoList(repo: Repo): UndoEntry[] {
  return readJournal(repo)
    .filter(({ steps }) => steps.length > 0)
    .map((entry) => ({ ...described(repo, entry), isUndone: entry.isUndone }));
}

/**
 * Takes the last command back that was not taken back yet: pointer files by their text, data by the hashes of what was there.
 * Killed in between, a second call does the rest.
 * @throws {DvcError} `not-found` when there is none; `unsaved-files` when something was changed since and not `force`:
 * nothing is changed then
 */
export async function undo(repo: Repo, options: UndoOptions = {}): Promise<UndoResult> {
  return withRepoLock(repo, options, async () => {
    const entry = readJournal(repo).find(({ isUndone, steps }) => !isUndone && steps.length > 0);
    if (entry === undefined)
      throw new DvcError("there is nothing to undo", {
        code: "not-found",
        hint: "Undone can be what add, checkout, commit, gc, move, pull and remove did here.",
      });
    const conflicts = options.force === true ? [] : await findConflicts(repo, entry, options);
    if (conflicts.length > 0) {
      const shown = conflicts.map((path) => shownLocal(repo, path)).join("\n");
      throw new DvcError(`can't undo '${entry.verb}': these were changed since:\n${shown}`, {
        code: "unsaved-files",
        hint: "Nothing was changed. With '--force' what they hold now goes into the trash (.dvc/tmp/trash).",
      });
    }
    const result = described(repo, entry);
    if (options.dry === true) return result;
    const keeper = new Keeper(repo, "undo");
    try {
      await takeBack(repo, entry, keeper, options);
    } finally {
      keeper.finish();
      repo.state.save();
    }
    markUndone(entry);
    const files = entry.steps.filter(({ kind }) => kind === "text").map(({ path }) => path);
    if (repo.git !== undefined && files.length > 0 && repo.config.flag("core", "autostage") === true)
      repo.git.add(new Set(files));
    if (options.force === true && keeper.path !== undefined)
      info(options, `What was there before is in '${keeper.path}'.`);
    return result;
  });
}

function described(repo: Repo, entry: JournalEntry): UndoResult {
  const changes = new Map<string, UndoneChange>();
  for (const step of [...entry.steps].reverse()) {
    const path = shownLocal(repo, step.path);
    const action = actionOf(step);
    changes.set(`${step.kind === "kept" ? "data" : step.kind}\0${path}`, { action, path });
  }
  return { verb: entry.verb, at: entry.at, changes: [...changes.values()] };
}

function actionOf(step: JournalEntry["steps"][number]): UndoneChange["action"] {
  switch (step.kind) {
    case "text":
      return step.before === null ? "delete" : "write";
    case "data":
      return step.before === null ? "remove" : "restore";
    case "kept":
      return "restore";
    case "moved":
      return "move back";
    case "bin":
      return "bring back";
  }
}
