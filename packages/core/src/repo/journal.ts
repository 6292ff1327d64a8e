import { appendFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { OsPath } from "../base/paths.ts";
import type { HashInfo } from "../hash/hashInfo.ts";
import type { Repo } from "./repo.ts";

/** One change of a command, noted before it is made. Paths are absolute; `null` stands for nothing there. */
export type JournalStep =
  /** Text of a pointer file: `.dvc`, dvc.yaml, dvc.lock, `.gitignore`. */
  | {
      readonly kind: "text";
      readonly path: OsPath;
      readonly before: string | null;
      readonly after: string | null;
    }
  /** What a path holds, by the hash that names it; `manifest` is the text of the former folder when no cache has it. */
  | {
      readonly kind: "data";
      readonly path: OsPath;
      readonly before: HashInfo | null;
      /** Undefined when it was not known beforehand. */
      readonly after?: HashInfo | null;
      readonly manifest?: string;
    }
  /** Something that is in no cache was moved into the trash. */
  | { readonly kind: "kept"; readonly path: OsPath; readonly at: OsPath }
  /** Data that was renamed. */
  | { readonly kind: "moved"; readonly path: OsPath; readonly to: OsPath }
  /** Objects that went into the trash: the path of their bin. */
  | { readonly kind: "bin"; readonly path: OsPath };

/** What one command did, so that it can be taken back. */
export interface JournalEntry {
  readonly id: string;
  readonly file: OsPath;
  /** `add`, `checkout`, … */
  readonly verb: string;
  /** ms since the epoch. */
  readonly at: number;
  readonly steps: readonly JournalStep[];
  readonly isUndone: boolean;
}

/** So many entries are kept, of so many bytes together. */
const MOST_ENTRIES = 50;
const MOST_BYTES = 64 * 1024 * 1024;
const ENTRY = /^\d{17}-\d+(-\d+)?\.jsonl$/;

interface Open {
  readonly verb: string;
  file: OsPath | undefined;
}

const open = new WeakMap<Repo, Open>();
/** The verb that ran last: a command with several targets calls its verb once for each, and is one entry. */
const last = new WeakMap<Repo, Open>();

/**
 * Runs `work`, a verb that holds the repository's lock, and notes what it changes. Nothing is written for a verb that changes
 * nothing. Within another verb's work it belongs to that one; the same verb again on the same opened project goes on with
 * the same entry.
 */
export async function journaled<T>(repo: Repo, verb: string, work: () => T | Promise<T>): Promise<T> {
  if (open.has(repo)) return work();
  const before = last.get(repo);
  const entry = before?.verb === verb ? before : { verb, file: undefined };
  open.set(repo, entry);
  last.set(repo, entry);
  try {
    return await work();
  } finally {
    open.delete(repo);
  }
}

/** Notes a change that is about to be made; nothing outside of {@link journaled}. */
export function note(repo: Repo, step: JournalStep): void {
  const entry = open.get(repo);
  if (entry === undefined || !repo.isInitialized) return;
  entry.file ??= begin(repo, entry.verb);
  appendFileSync(entry.file, `${JSON.stringify(step)}\n`);
}

/** Whether changes are being noted. */
export function isNoting(repo: Repo): boolean {
  return open.has(repo);
}

/** Notes that a pointer file is about to be changed. */
export function noteText(repo: Repo, path: OsPath, before: string | undefined, after: string | undefined): void {
  if (open.has(repo)) note(repo, { kind: "text", path, before: before ?? null, after: after ?? null });
}

function begin(repo: Repo, verb: string): OsPath {
  const folder = folderOf(repo);
  mkdirSync(folder, { recursive: true });
  trim(folder);
  const at = systemClock.now();
  const stamp = new Date(at).toISOString().replace(/\D/g, "");
  for (let n = 0; ; n++) {
    const file = join(folder, `${stamp}-${String(repo.env.pid)}${n === 0 ? "" : `-${String(n)}`}.jsonl`);
    if (statSync(file, { throwIfNoEntry: false }) !== undefined) continue;
    appendFileSync(file, `${JSON.stringify({ verb, at })}\n`, { flag: "ax" });
    return file;
  }
}

/** Keeps the journal small: the oldest entries go. */
function trim(folder: OsPath): void {
  const files = filesOf(folder);
  let bytes = 0;
  for (const [index, file] of files.entries()) {
    bytes += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (index >= MOST_ENTRIES - 1 || bytes > MOST_BYTES) rmSync(file, { force: true });
  }
}

/** All entries, newest first. A line that a kill cut off is left out: its change was not made. */
export function readJournal(repo: Repo): JournalEntry[] {
  return filesOf(folderOf(repo)).flatMap((file) => readEntry(file) ?? []);
}

/** Notes that an entry was taken back. */
export function markUndone(entry: JournalEntry): void {
  appendFileSync(entry.file, `{"undone":true}\n`);
}

function readEntry(file: OsPath): JournalEntry | undefined {
  const lines = textOf(file).split("\n").map(parseLine);
  const head = lines[0] as { verb?: unknown; at?: unknown } | undefined;
  if (typeof head?.verb !== "string" || typeof head.at !== "number") return undefined;
  const rest = lines.slice(1);
  return {
    id: file.slice(file.lastIndexOf("/") + 1, -".jsonl".length),
    file,
    verb: head.verb,
    at: head.at,
    steps: rest.filter(isStep),
    isUndone: rest.some((line) => typeof line === "object" && line !== null && "undone" in line),
  };
}

/** A link, a pipe or a device that somebody committed is no entry. What a kill cut off may end within a letter. */
function textOf(file: OsPath): string {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size <= MOST_BYTES ? readFileSync(file, "utf8") : "";
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isStep(value: unknown): value is JournalStep {
  if (typeof value !== "object" || value === null) return false;
  const { kind, path } = value as Record<string, unknown>;
  return typeof path === "string" && ["text", "data", "kept", "moved", "bin"].includes(kind as string);
}

function folderOf(repo: Repo): OsPath {
  return join(repo.tmpDir, "journal");
}

function filesOf(folder: OsPath): OsPath[] {
  try {
    return readdirSync(folder)
      .filter((name) => ENTRY.test(name))
      .sort()
      .reverse()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
