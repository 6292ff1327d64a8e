import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { isInside, type OsPath } from "../base/paths.ts";
import type { HashInfo } from "../hash/hashInfo.ts";

/** Where Git's HEAD is. */
export interface GitPlace {
  /** Null when it is on no branch. */
  readonly branch: string | null;
  readonly commit: string;
}

/** One change of a command, noted before it is made. Paths are absolute; `null` stands for nothing there. */
export type JournalStep =
  /** Text of a pointer file: `.dvc`, dvc.yaml, dvc.lock, `.gitignore`. */
  | {
      readonly kind: "text";
      readonly path: OsPath;
      /** Not given when an earlier step of the entry has it. */
      readonly before?: string | null;
      /** The md5 of the text afterwards. */
      readonly left: string | null;
    }
  /** What a path holds, by the hash that names it; `manifest` is the text of the former folder when no cache has it. */
  | {
      readonly kind: "data";
      readonly path: OsPath;
      /** Not given when an earlier step of the entry has it. */
      readonly before?: HashInfo | null;
      /** Not given when it was not known beforehand. */
      readonly after?: HashInfo | null;
      readonly manifest?: string;
    }
  /** Links into the cache became (`isLinked` false), or copies became links; the content stays. */
  | {
      readonly kind: "links";
      readonly path: OsPath;
      readonly hash: HashInfo;
      readonly isLinked: boolean;
      readonly manifest?: string;
    }
  /** Something that is in no cache was moved into the trash. */
  | { readonly kind: "kept"; readonly path: OsPath; readonly at: OsPath }
  /** It was moved back from there. */
  | { readonly kind: "restored"; readonly path: OsPath; readonly at: OsPath }
  /** Data that was renamed. */
  | { readonly kind: "moved"; readonly path: OsPath; readonly to: OsPath }
  /** Objects that went into the trash: the path of their bin. */
  | { readonly kind: "bin"; readonly path: OsPath }
  /** They were brought back from there. */
  | { readonly kind: "unbin"; readonly path: OsPath }
  /** Git checked out another commit: the path of its top folder. */
  | { readonly kind: "head"; readonly path: OsPath; readonly before: GitPlace; readonly after: GitPlace }
  /** From here on nothing can be taken back, and why. */
  | { readonly kind: "final"; readonly path: OsPath; readonly reason: string };

/** Where a project lies. */
export interface ProjectPlace {
  readonly root: OsPath;
  /** Git's top folder, which holds it, or the project itself. */
  readonly top: OsPath;
}

/** What one command did, so that it can be taken back. */
export interface JournalEntry {
  readonly id: string;
  readonly file: OsPath;
  /** `add`, `checkout`, … */
  readonly verb: string;
  /** ms since the epoch. */
  readonly at: number;
  /** Of an `undo`: the id of the entry that it takes back. */
  readonly of: string | undefined;
  readonly steps: readonly JournalStep[];
  readonly isUndone: boolean;
  /** Where the project was then. */
  readonly place: ProjectPlace | undefined;
  /** The command came to its end, and nobody has begun to take it back: all of its steps were taken, and none was since. */
  readonly isWhole: boolean;
}

/**
 * Lines between the steps: `done` when a command came to its end; `begun` when it is about to be taken back; `undone` when it
 * was, or (false) holds again.
 */
export type JournalMark = { readonly done: true } | { readonly begun: true } | { readonly undone: boolean };

/** Entries of another format are passed over. */
export const JOURNAL_FORMAT = 2;
/** Entries are so many bytes together, at most. */
export const MOST_BYTES: number = 64 * 1024 * 1024;
/** Names of entries; they sort by time. */
export const ENTRY: RegExp = /^\d{17}-\d+(-\d+)?\.jsonl$/;

const isText = (value: unknown): boolean => typeof value === "string";
const isTextOrNull = (value: unknown): boolean => value === null || isText(value);
const isHash = (value: unknown): boolean =>
  value === null ||
  (typeof value === "object" && isText((value as HashInfo | null)?.name) && isText((value as HashInfo).value));
const isPlace = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  isTextOrNull((value as Partial<GitPlace>).branch) &&
  isText((value as Partial<GitPlace>).commit);
const orNone =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || is(value);

/** What each kind of step must hold beside its path. */
const SHAPES: Readonly<Record<JournalStep["kind"], Readonly<Record<string, (value: unknown) => boolean>>>> = {
  text: { before: orNone(isTextOrNull), left: isTextOrNull },
  data: { before: orNone(isHash), after: orNone(isHash), manifest: orNone(isText) },
  links: { hash: (value) => value !== null && isHash(value), manifest: orNone(isText) },
  kept: { at: isText },
  restored: { at: isText },
  moved: { to: isText },
  bin: {},
  unbin: {},
  head: { before: isPlace, after: isPlace },
  final: { reason: isText },
};

/**
 * The entries of a folder, newest first, with paths as they are now where the project was moved or copied since. A line that a kill
 * cut off is left out: its change was not made.
 */
export function entriesIn(folder: OsPath, here: ProjectPlace): JournalEntry[] {
  return filesOf(folder).flatMap((file) => {
    const entry = readEntry(file);
    return entry === undefined ? [] : [relocated(entry, here)];
  });
}

function relocated(entry: JournalEntry, here: ProjectPlace): JournalEntry {
  const { place, steps } = entry;
  if (place === undefined || (place.root === here.root && place.top === here.top)) return entry;
  const now = (path: OsPath): OsPath => {
    if (isInside(place.root, path)) return join(here.root, relative(place.root, path));
    return isInside(place.top, path) ? join(here.top, relative(place.top, path)) : path;
  };
  const moved = steps.map((step) => ({
    ...step,
    path: now(step.path),
    ...("at" in step ? { at: now(step.at) } : {}),
    ...("to" in step ? { to: now(step.to) } : {}),
  }));
  return { ...entry, steps: moved };
}

function readEntry(file: OsPath): JournalEntry | undefined {
  const lines = textOf(file).split("\n").map(parseLine);
  const head = lines[0] as Readonly<Record<"format" | "verb" | "at" | "of" | "root" | "top", unknown>> | undefined;
  if (head?.format !== JOURNAL_FORMAT || typeof head.verb !== "string" || typeof head.at !== "number") return undefined;
  const rest = lines.slice(1).filter((line) => isStep(line) || isMark(line));
  const last = rest.at(-1);
  const undone = rest.findLast((line) => isMark(line) && "undone" in line);
  return {
    id: basename(file, ".jsonl"),
    file,
    verb: head.verb,
    at: head.at,
    of: typeof head.of === "string" ? head.of : undefined,
    steps: rest.filter(isStep),
    place:
      typeof head.root === "string" && typeof head.top === "string" ? { root: head.root, top: head.top } : undefined,
    isUndone: undone !== undefined && "undone" in undone && undone.undone,
    isWhole: last !== undefined && isMark(last) && !("begun" in last),
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

function isMark(value: unknown): value is JournalMark {
  if (typeof value !== "object" || value === null) return false;
  return ["done", "begun", "undone"].some((name) => typeof (value as Record<string, unknown>)[name] === "boolean");
}

function isStep(value: unknown): value is JournalStep {
  if (typeof value !== "object" || value === null) return false;
  const step = value as Readonly<Record<string, unknown>>;
  const { kind, path } = step;
  if (typeof path !== "string" || typeof kind !== "string" || !Object.hasOwn(SHAPES, kind)) return false;
  return Object.entries(SHAPES[kind as JournalStep["kind"]]).every(([name, is]) => is(step[name]));
}

/** The files of a journal, newest first. */
export function filesOf(folder: OsPath): OsPath[] {
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
