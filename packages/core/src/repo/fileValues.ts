import { join, posix, relative, resolve } from "node:path";
import {
  DvcError,
  EncodingError,
  FormatError,
  GitIgnoredError,
  InvalidFileError,
  NotDvcRepoError,
} from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { type OsPath, posixRelative } from "../base/paths.ts";
import { parseParams } from "../formats/params.ts";
import { asNumber } from "../formats/pyValues.ts";
import { loadIndex, type Index } from "./index.ts";
import type { Repo } from "./repo.ts";
import { FolderError, MissingFileError, RevisionFiles, shownInView } from "./revisionFiles.ts";
import { type Revision, type RevisionOptions, revisions } from "./revisions.ts";
import { type ErrorRecord, stageFileProblem } from "./stageFileProblem.ts";

/** What went wrong with a file or a revision. */
export type ValueError = ErrorRecord;

/** What one file of params or metrics holds, or why it can't be read. `path` is relative to the project's root, in results of verbs to the working folder. */
export type FileValues =
  { readonly path: string; readonly data: unknown } | { readonly path: string; readonly error: ValueError };

/** What a revision holds, or why nothing of it can be told. `name` is "" when only the workspace was asked for. */
export type RevisionValues =
  | { readonly name: string; readonly files: readonly FileValues[] }
  | { readonly name: string; readonly error: ValueError };

/** One revision while its values are read. */
export interface Moment {
  readonly repo: Repo;
  readonly index: Index;
  readonly files: RevisionFiles;
}

/** What to read, and of which revisions. */
export interface ReadOptions extends RevisionOptions, CallOptions {
  /** What a warning calls the values. */
  readonly kind: "metrics" | "params";
}

/**
 * Reads values of the workspace and of every revision asked for, in DVC's order. A revision that fails is told with DVC's
 * warning and kept as an error; a commit without the project's folder is left out.
 * @throws {ScmError} for an unknown revision.
 */
export async function readRevisions(
  repo: Repo,
  options: ReadOptions,
  gather: (moment: Moment) => Promise<readonly FileValues[]>,
): Promise<RevisionValues[]> {
  const all: RevisionValues[] = [];
  const seen = new Set<string>();
  for (const { name, rev } of revisionsAsked(repo, options)) {
    options.signal?.throwIfAborted();
    try {
      // Most revisions hold the files of the one before: they are read together with dvc.yaml.
      if (rev !== undefined) repo.git?.tree(rev).expect([...seen].map((path) => placeOf(repo, path)));
      const index = loadIndex(repo, rev === undefined ? {} : { rev });
      const files = await gather({ repo, index, files: new RevisionFiles(repo, index, options) });
      for (const { path } of files) seen.add(path);
      all.push({ name, files });
    } catch (error) {
      if (error instanceof NotDvcRepoError) continue;
      if (!(error instanceof DvcError) || error.code === "aborted") throw error;
      const told = valueError(error, rev);
      warn(options, `failed to load ${options.kind} in revision '${name}', ${told.msg}`);
      all.push({ name, error: told });
    }
  }
  return all;
}

function revisionsAsked(repo: Repo, options: ReadOptions): Revision[] {
  const { revs, allBranches, allTags, allCommits } = options;
  const asked = (revs?.length ?? 0) > 0 || [allBranches, allTags, allCommits].includes(true);
  if (!asked) return [{ name: "", rev: undefined }];
  if (repo.git === undefined && (revs?.length ?? 0) === 0) return [{ name: "workspace", rev: undefined }];
  // DVC looks at branches and tags only when not at all commits.
  return revisions(repo, allCommits === true ? { ...options, allBranches: false, allTags: false } : options);
}

/** Where a file is read: DVC counts `..` above the root as nothing. */
function placeOf(repo: Repo, path: string): OsPath {
  return join(repo.root, posix.normalize(`/${path}`));
}

/** The files themselves, with folders replaced by the files below them; each once, in order. `paths` as `FileValues.path`. */
export async function expandFolders({ repo, files }: Moment, paths: Iterable<string>): Promise<string[]> {
  const found = new Set<string>();
  for (const path of paths) {
    const place = placeOf(repo, path);
    if (await files.isFolder(place))
      for (const one of await files.filesBelow(place)) found.add(posixRelative(repo.root, one));
    else found.add(path);
  }
  files.expect([...found].map((path) => placeOf(repo, path)));
  return [...found];
}

/** Reads one file by its suffix and makes `data` of what it holds; what fails becomes an error. */
export async function readValues(
  { repo, files }: Moment,
  path: string,
  select: (parsed: unknown) => unknown,
): Promise<FileValues> {
  const place = placeOf(repo, path);
  try {
    const parsed = parseParams(await files.readText(place), shownInView(repo, place));
    return { path, data: select(isFalsy(parsed) ? {} : parsed) };
  } catch (error) {
    if (!isTold(error)) throw error;
    return { path, error: valueError(error, undefined) };
  }
}

/** Failures of a file that belong in the answer: the library's own and the system's. */
function isTold(error: unknown): error is Error {
  if (error instanceof DvcError) return error.code !== "aborted";
  return error instanceof Error && "code" in error && "errno" in error;
}

/** Python's `not value`. */
export function isFalsy(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === "") return true;
  if (asNumber(value) === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return (
    typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype && Object.keys(value).length === 0
  );
}

function valueError(error: Error, rev: string | undefined): ValueError {
  if (error instanceof InvalidFileError) return stageFileProblem(error, rev);
  return { type: className(error), msg: error.message };
}

function className(error: Error): string {
  if (error instanceof MissingFileError) return "FileNotFoundError";
  if (error instanceof EncodingError) return "EncodingError";
  if (error instanceof FolderError) return "DataIndexDirError";
  if (error instanceof GitIgnoredError) return "FileIsGitIgnored";
  const kind =
    error instanceof FormatError ? /, (\w+) file structure is corrupted$/.exec(error.message)?.[1] : undefined;
  if (kind !== undefined) return `${kind}FileCorruptedError`;
  return error.message.startsWith("failed to parse ") ? "ResolveError" : "DvcException";
}

/** The same with paths relative to the working folder. */
export function shownValues(repo: Repo, revision: RevisionValues): RevisionValues {
  if ("error" in revision) return revision;
  return { name: revision.name, files: revision.files.map((one) => ({ ...one, path: shownFile(repo, one.path) })) };
}

/** A path relative to the project's root as one relative to the working folder; reckoned as DVC does when it leaves the project. */
export function shownFile(repo: Repo, path: string): string {
  const { cwd } = repo.env;
  return relative(resolve(cwd, relative(repo.root, cwd)), resolve(cwd, path));
}

/** Whether DVC counts the revision as failed: anything non-empty under a key `error` is enough, a metric too. */
export function isErrored(revision: RevisionValues): boolean {
  return "error" in revision || revision.files.some((one) => "error" in one || holdsError(one.data));
}

function holdsError(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).some(([key, one]) => (key === "error" && !isFalsy(one)) || holdsError(one));
}
