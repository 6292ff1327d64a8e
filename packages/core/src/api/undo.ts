import { DvcError } from "../base/errors.ts";
import { type CallOptions, info } from "../base/events.ts";
import { syncFileSystem } from "../odb/durable.ts";
import { type JournalEntry, journaled, markEntry, readJournal } from "../repo/journal.ts";
import { Keeper } from "../repo/keep.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { shownLocal } from "../repo/shown.ts";
import { checkPlaces, findConflicts } from "./undoCheck.ts";
import { takeBack } from "./undoSteps.ts";

/** How to undo. */
export interface UndoOptions extends CallOptions {
  /** Do again what the last `undo` took back. */
  readonly redo?: boolean;
  /** Only say what would be done. */
  readonly dry?: boolean;
  /** Also over files that were changed since: what they hold goes into the trash. */
  readonly force?: boolean;
}

/** What becomes of one path. */
export interface UndoneChange {
  readonly action:
    "write" | "delete" | "restore" | "remove" | "move back" | "bring back" | "check out" | "link" | "copy";
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
  /** It can't be taken back, and was left as it is (`force`): what was done before it is next. */
  readonly isPassedOver?: true;
}

/** One command that can be taken back, or was. */
export interface UndoEntry extends UndoResult {
  readonly isUndone: boolean;
}

/** What the journal holds, newest first. */
export function undoList(repo: Repo): UndoEntry[] {
  return readJournal(repo)
    .filter(({ steps, of }) => steps.length > 0 && of === undefined)
    .map((entry) => ({ ...described(repo, entry), isUndone: entry.isUndone }));
}

/**
 * Takes the last command back that was not taken back yet: pointer files by their text, data by the hashes of what was there.
 * With `redo` the last `undo` itself. Killed in between, a second call does the rest.
 * @throws {DvcError} `not-found` when there is none; `unsupported` for what can't be taken back; `unsaved-files` when
 * something was changed since: nothing is changed then
 */
export async function undo(repo: Repo, options: UndoOptions = {}): Promise<UndoResult> {
  return withRepoLock(repo, options, async () => {
    const entries = readJournal(repo).filter(({ steps }) => steps.length > 0);
    const entry = options.redo === true ? toDoAgain(repo, entries) : toUndo(entries);
    const shown = entries.find(({ id }) => id === entry.of) ?? entry;
    if (options.force !== true) {
      refuseFinal(repo, entry);
      await refuseConflicts(repo, entry, shown.verb, options);
    }
    checkPlaces(repo, entry);
    const named = { verb: shown.verb, at: shown.at };
    const isFinal = entry.steps.some(({ kind }) => kind === "final");
    const result: UndoResult = isFinal
      ? { ...named, changes: [], isPassedOver: true }
      : { ...described(repo, entry), ...named };
    if (options.dry === true) return result;
    markEntry(entry, { begun: true });
    if (options.redo === true) {
      await carryOut(repo, entry, [], options);
      // In this order: killed in between, the command counts as done.
      if (shown !== entry) markEntry(shown, { undone: false });
      markEntry(entry, { undone: true });
    } else {
      const earlier = entries.find(({ of, isUndone }) => of === entry.id && !isUndone);
      const into = { of: entry.id, into: earlier };
      await journaled(repo, "undo", () => carryOut(repo, entry, earlier?.steps ?? [], options), into);
      markEntry(entry, { undone: true });
    }
    return result;
  });
}

function toUndo(entries: readonly JournalEntry[]): JournalEntry {
  const entry = entries.find(({ isUndone, of }) => !isUndone && of === undefined);
  if (entry !== undefined) return entry;
  throw new DvcError("there is nothing to undo", {
    code: "not-found",
    hint: "Undone can be what commands changed here: 'undo --list' names them.",
  });
}

/** The last `undo`, as long as nothing else was done since. */
function toDoAgain(repo: Repo, entries: readonly JournalEntry[]): JournalEntry {
  const program = repo.env.programName;
  const entry = entries.find(({ isUndone }) => !isUndone);
  if (entry?.of === undefined)
    throw new DvcError("there is nothing to do again", {
      code: "not-found",
      ...(entry === undefined ? {} : { hint: `The last change is '${entry.verb}', and it was not taken back.` }),
    });
  if (entries.find(({ id }) => id === entry.of)?.isUndone !== false) return entry;
  throw new DvcError("the last undo did not come to its end", {
    code: "unsupported",
    hint: `First finish it: ${program} undo`,
  });
}

function refuseFinal(repo: Repo, { verb, steps }: JournalEntry): void {
  const program = repo.env.programName;
  if (steps.some(({ kind }) => kind === "unbin"))
    throw new DvcError("'gc' can't be done again by undo", {
      code: "unsupported",
      hint: `Run it again: ${program} gc`,
    });
  const reasons = steps.flatMap((step) => (step.kind === "final" ? [step.reason] : []));
  if (reasons.length === 0) return;
  throw new DvcError(`'${verb}' can't be taken back by undo: ${reasons.join("; ")}`, {
    code: "unsupported",
    hint: `Nothing was changed. To take back what was done before it, pass over it once: ${program} undo --force`,
  });
}

async function refuseConflicts(repo: Repo, entry: JournalEntry, verb: string, options: UndoOptions): Promise<void> {
  const conflicts = await findConflicts(repo, entry, options);
  if (conflicts.length === 0) return;
  const shown = conflicts.map((path) => (path === repo.git?.root ? "HEAD of Git" : shownLocal(repo, path))).join("\n");
  throw new DvcError(
    `can't ${options.redo === true ? "redo" : "undo"} '${verb}': these were changed since:\n${shown}`,
    {
      code: "unsaved-files",
      hint: "Nothing was changed. With '--force' what they hold now goes into the trash (.dvc/tmp/trash).",
    },
  );
}

async function carryOut(
  repo: Repo,
  entry: JournalEntry,
  earlier: JournalEntry["steps"],
  options: UndoOptions,
): Promise<void> {
  // Passed over by `force`: what was done before it can be taken back next.
  if (entry.steps.some(({ kind }) => kind === "final")) return;
  const keeper = new Keeper(repo, "undo");
  try {
    await takeBack(repo, entry, { ...options, keeper, earlier });
    // The journal must not say that it is done before it is safe on disk: after a power loss nothing would finish it.
    syncFileSystem(repo.root);
  } finally {
    keeper.finish();
    repo.state.save();
  }
  const files = entry.steps.filter(({ kind }) => kind === "text").map(({ path }) => path);
  if (repo.git !== undefined && files.length > 0 && repo.config.flag("core", "autostage") === true)
    repo.git.add(new Set(files));
  if (keeper.path !== undefined) info(options, `What was there before is in '${keeper.path}'.`);
}

function described(repo: Repo, entry: JournalEntry): UndoResult {
  const changes = new Map<string, UndoneChange>();
  for (const step of [...entry.steps].reverse()) {
    const action = actionOf(step);
    if (action === undefined) continue;
    const path =
      step.kind === "head" ? (step.before.branch ?? step.before.commit.slice(0, 7)) : shownLocal(repo, step.path);
    const group = step.kind === "kept" || step.kind === "restored" ? "data" : step.kind;
    changes.set(`${group}\0${path}`, { action, path });
  }
  return { verb: entry.verb, at: entry.at, changes: [...changes.values()] };
}

/** Undefined for a step that only adds to an earlier one. */
function actionOf(step: JournalEntry["steps"][number]): UndoneChange["action"] | undefined {
  switch (step.kind) {
    case "text":
      return step.before === undefined ? undefined : step.before === null ? "delete" : "write";
    case "data":
      return step.before === undefined ? undefined : step.before === null ? "remove" : "restore";
    case "links":
      return step.isLinked ? "copy" : "link";
    case "kept":
      return "restore";
    case "restored":
      return "remove";
    case "moved":
      return "move back";
    case "bin":
      return "bring back";
    case "head":
      return "check out";
    case "unbin":
    case "final":
      return undefined;
  }
}
