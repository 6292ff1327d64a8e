import { closeSync, existsSync, fsyncSync, lstatSync, openSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { syncFolder, writeAll } from "../fs/atomic.ts";
import { md5Bytes } from "../hash/md5.ts";
import {
  ENTRY,
  entriesIn,
  filesOf,
  JOURNAL_FORMAT,
  type JournalEntry,
  type JournalMark,
  type JournalStep,
  MOST_BYTES,
  type ProjectPlace,
} from "./journalEntry.ts";
import type { Repo } from "./repo.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { ofFile } from "../base/ofFile.ts";

export type { GitPlace, JournalEntry, JournalStep } from "./journalEntry.ts";

/** So many entries are kept. */
const MOST_ENTRIES = 50;
/** Tells a child process (a hook of Git) to whose entry its changes belong. */
const VARIABLE = "HOLDFAST_JOURNAL";
const NOWHERE = "none";

interface Open {
  readonly verb: string;
  readonly of: string | undefined;
  file: OsPath | undefined;
  /** Another process began it, and will say when it is done. */
  readonly isInherited: boolean;
  hasSteps: boolean;
  /** Pointer files and data whose former state is noted already. */
  readonly known: Set<string>;
  /** The last line was cut off. */
  isRagged: boolean;
  /** Something was noted that may not be on the disk yet. */
  isUnflushed: boolean;
}

/** How an entry is begun. */
export interface JournalOptions {
  /** The entry that this one takes back. */
  readonly of?: string;
  /** Goes on with an entry that was begun, and not finished, before. */
  readonly into?: JournalEntry | undefined;
}

const open = new WeakMap<Repo, Open>();
/** The verb that ran last: a command with several targets calls its verb once for each, and is one entry. */
const last = new WeakMap<Repo, Open>();

/**
 * Runs `work`, a verb that holds the repository's lock, and notes what it changes. Nothing is written for a verb that changes
 * nothing. Within another verb's work, in this process or in the one that started it, it belongs to that one; the same verb
 * again on the same opened project goes on with the same entry.
 */
export async function journaled<T>(
  repo: Repo,
  verb: string,
  work: () => T | Promise<T>,
  options: JournalOptions = {},
): Promise<T> {
  if (open.has(repo) || repo.env.env[VARIABLE] === NOWHERE) return work();
  const entry = entryFor(repo, verb, options);
  open.set(repo, entry);
  last.set(repo, entry);
  try {
    const result = await work();
    finish(entry);
    return result;
  } finally {
    open.delete(repo);
  }
}

/** Says that all of it was done. Without that an undo looks more closely: nothing to fail for. */
function finish(entry: Open): void {
  if (entry.file === undefined || entry.isInherited || !entry.hasSteps) return;
  try {
    append(entry, JSON.stringify({ done: true } satisfies JournalMark), true);
  } catch {
    // A full disk, after the work itself was done.
  }
}

function entryFor(repo: Repo, verb: string, { of, into }: JournalOptions): Open {
  const before = last.get(repo);
  if (of === undefined && before?.of === undefined && before?.verb === verb) return before;
  const given = into === undefined ? inherited(repo) : undefined;
  const file = into?.file ?? given;
  const isInherited = given !== undefined;
  return {
    verb,
    of,
    file,
    isInherited,
    hasSteps: false,
    known: new Set(),
    isRagged: file !== undefined,
    isUnflushed: false,
  };
}

/** The entry of the process that started this one. */
function inherited(repo: Repo): OsPath | undefined {
  const name = `${repo.env.env[VARIABLE] ?? ""}.jsonl`;
  const file = join(folderOf(repo), name);
  return ENTRY.test(name) && lstatSync(file, { throwIfNoEntry: false })?.isFile() === true ? file : undefined;
}

/**
 * What to add to the environment of a child process whose changes belong to the entry that is being written, or (while an
 * undo is taken back) to none.
 */
export function journalVariable(repo: Repo): Readonly<Record<string, string>> {
  const file = open.get(repo)?.file;
  return { [VARIABLE]: file === undefined ? NOWHERE : basename(file, ".jsonl") };
}

/** Runs `work` on the same project, opened anew, as part of the entry that is being written. */
export async function journaledWith<T>(repo: Repo, again: Repo, work: () => Promise<T>): Promise<T> {
  const entry = open.get(repo);
  if (entry !== undefined) open.set(again, entry);
  try {
    return await work();
  } finally {
    open.delete(again);
  }
}

/** How a change is noted. */
export interface NoteOptions {
  /** Not flushed by itself: the next one that is, or {@link flushJournal}, does it. */
  readonly soft?: boolean;
}

/**
 * Notes a change that is about to be made, so that neither a kill nor a power loss can part them; nothing outside of
 * {@link journaled}.
 */
export function note(repo: Repo, step: JournalStep, { soft = false }: NoteOptions = {}): void {
  const entry = open.get(repo);
  if (entry === undefined || !repo.isInitialized) return;
  entry.file ??= begin(repo, entry);
  entry.hasSteps = true;
  append(entry, JSON.stringify(step), soft);
}

/** Whether changes are being noted. */
export function isNoting(repo: Repo): boolean {
  return open.has(repo);
}

/** Notes that a pointer file is about to be changed: its text once, afterwards only what becomes of it. */
export function noteText(repo: Repo, path: OsPath, before: string | undefined, after: string | undefined): void {
  const entry = open.get(repo);
  if (entry === undefined) return;
  const left = after === undefined ? null : md5Bytes(Buffer.from(after));
  const isKnown = entry.known.has(`text ${path}`);
  entry.known.add(`text ${path}`);
  note(repo, { kind: "text", path, ...(isKnown ? {} : { before: before ?? null }), left }, { soft: isKnown });
}

/** Notes that what was done cannot be taken back by `undo`, and why or how else. */
export function noteFinal(repo: Repo, reason: string): void {
  note(repo, { kind: "final", path: repo.root, reason });
}

/** Makes what was noted softly last. */
export function flushJournal(repo: Repo): void {
  const entry = open.get(repo);
  if (entry?.file !== undefined && entry.isUnflushed) append(entry, undefined, false);
}

/** Strikes the entry that is being written: all of it was taken back. */
export function dropEntry(repo: Repo): void {
  const entry = open.get(repo);
  if (entry?.file === undefined) return;
  rmSync(entry.file, { force: true });
  entry.file = undefined;
  entry.hasSteps = false;
  entry.known.clear();
}

function append(entry: Pick<Open, "file" | "isRagged" | "isUnflushed">, line: string | undefined, soft: boolean): void {
  const file = entry.file ?? "";
  ofFile(file, () => {
    const fd = openSync(file, "a");
    try {
      if (line !== undefined) {
        const bytes = Buffer.from(`${entry.isRagged ? "\n" : ""}${line}\n`);
        entry.isRagged = true;
        entry.isUnflushed = true;
        writeAll(fd, bytes);
        entry.isRagged = false;
      }
      if (soft) return;
      fsyncSync(fd);
      entry.isUnflushed = false;
    } finally {
      closeSync(fd);
    }
  });
}

function begin(repo: Repo, { verb, of }: Open): OsPath {
  const folder = folderOf(repo);
  const first = makeFolders(folder);
  trim(folder);
  const at = systemClock.now();
  const file = newFile(folder, at, repo.env.pid);
  const fd = openSync(file, "ax", 0o666);
  try {
    writeAll(fd, Buffer.from(`${JSON.stringify({ format: JOURNAL_FORMAT, verb, at, of, ...placeOf(repo) })}\n`));
  } finally {
    closeSync(fd);
  }
  // The first step flushes the file; its name, and those of folders that are new, are flushed here.
  for (let at = folder; ; at = dirname(at)) {
    syncFolder(at);
    if (first === undefined || at === dirname(first) || at === dirname(at)) break;
  }
  return file;
}

/** Names sort by time, also when the clock was set back. */
function newFile(folder: OsPath, at: number, pid: number): OsPath {
  const stamp = new Date(at).toISOString().replace(/\D/g, "");
  const newest = basename(filesOf(folder)[0] ?? "").slice(0, stamp.length);
  const later = newest < stamp ? stamp : String(BigInt(newest) + 1n).padStart(stamp.length, "0");
  for (let n = 0; ; n++) {
    const file = join(folder, `${later}-${String(pid)}${n === 0 ? "" : `-${String(n)}`}.jsonl`);
    if (!existsSync(file)) return file;
  }
}

/** Keeps the journal small: the oldest entries go. */
function trim(folder: OsPath): void {
  let bytes = 0;
  for (const [index, file] of filesOf(folder).entries()) {
    bytes += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (index >= MOST_ENTRIES - 1 || bytes > MOST_BYTES) rmSync(file, { force: true });
  }
}

/** All entries, newest first. A line that a kill cut off is left out: its change was not made. */
export function readJournal(repo: Repo): JournalEntry[] {
  return entriesIn(folderOf(repo), placeOf(repo));
}

/** The folder that holds all that a command changes: `snapshot restore` brings back code beside the project, too. */
export function topOf({ git, root }: Repo): OsPath {
  return git !== undefined && isInside(git.root, root) ? git.root : root;
}

function placeOf(repo: Repo): ProjectPlace {
  return { root: repo.root, top: topOf(repo) };
}

/** Adds to an entry that was read what became of it. */
export function markEntry({ file }: JournalEntry, mark: JournalMark): void {
  append({ file, isRagged: true, isUnflushed: false }, JSON.stringify(mark), false);
}

function folderOf(repo: Repo): OsPath {
  return join(repo.tmpDir, "journal");
}
