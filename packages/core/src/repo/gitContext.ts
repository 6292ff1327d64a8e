import { dirname, join, relative } from "node:path";
import { statSync, unlinkSync } from "node:fs";
import { type CallOptions, info } from "../base/events.ts";
import { DvcError, GitIgnoredError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { addIgnoreEntry, removeIgnoreEntry } from "../formats/gitIgnoreFile.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { inHeldFolder } from "../fs/heldFolders.ts";
import type { Git } from "../scm/git.ts";
import { noteText } from "./journal.ts";
import type { Repo } from "./repo.ts";

/** Characters of paths that go to Git as words of one command line; systems refuse more than some. */
const MAX_WORDS = 100_000;

/** What Git said of the expected paths while its index was as `index` says. */
interface GitAnswers {
  readonly index: string;
  readonly tracked: ReadonlySet<OsPath>;
  readonly ignored: ReadonlySet<OsPath>;
}

/**
 * What a verb changes beside the data: `.gitignore` lines, and the files a person should hand to Git. One per verb call;
 * `withGitContext` finishes it (autostage or the hint) or takes the `.gitignore` lines back when the verb failed.
 */
export class GitContext {
  readonly #repo: Repo;
  readonly #changed = new Set<string>();
  readonly #ignored: OsPath[] = [];
  #expected: ReadonlySet<OsPath> = new Set();
  #answers: GitAnswers | undefined;

  constructor(repo: Repo) {
    this.#repo = repo;
  }

  /** Notes that Git should be told of `file`. */
  track(file: OsPath): void {
    this.#changed.add(relative(this.#repo.env.cwd, file));
  }

  /** Files noted so far, relative to the working folder, in the order noted. */
  get changed(): readonly string[] {
    return [...this.#changed];
  }

  /** Makes Git ignore `path` by a line in the `.gitignore` beside it, unless Git ignores it already. */
  ignore(path: OsPath): void {
    const git = this.#repo.git;
    if (git === undefined || isIgnoredByLine(path)) return;
    const isFree = this.#expected.has(path) && !this.#answered(git).ignored.has(path);
    if (!isFree && git.isIgnored([path]).has(path)) return;
    const file = join(dirname(path), ".gitignore");
    const before = readPlainText(file);
    const after = addIgnoreEntry(before ?? "", baseOf(path));
    if (after === before) return;
    noteText(this.#repo, file, before, after);
    // The stage file that is written next makes the renaming last, too; if it does not, both are as before.
    writeFileAtomic(file, after, { inside: this.#repo.git?.root ?? this.#repo.root, noFolderSync: true });
    this.track(file);
    this.#ignored.push(path);
  }

  /**
   * Announces paths that will be asked for one by one while other work goes on (the outputs of a run's stages), so that Git
   * is asked once for all.
   */
  expect(paths: readonly OsPath[]): void {
    const length = paths.reduce((sum, path) => sum + path.length + 1, 0);
    this.#expected = new Set(length > MAX_WORDS ? [] : paths);
    this.#answers = undefined;
  }

  /** Those of `paths` that are in Git's index. */
  tracked(paths: readonly OsPath[]): ReadonlySet<OsPath> {
    const { git } = this.#repo;
    if (git === undefined || paths.length === 0) return new Set();
    const known = paths.every((path) => this.#expected.has(path)) ? this.#answered(git).tracked : undefined;
    return known ?? git.isTracked(paths);
  }

  /** Git's answers for the expected paths. Anew when its index has changed: a stage may call Git. */
  #answered(git: Git): GitAnswers {
    const index = statKey(join(git.gitDir, "index"));
    if (this.#answers?.index !== index) {
      this.#answers = { index, tracked: git.isTracked(this.#expected), ignored: git.isIgnored(this.#expected) };
    }
    return this.#answers;
  }

  /** Takes the line for `path` out again; an emptied `.gitignore` is deleted. */
  unignore(path: OsPath): void {
    if (this.#repo.git === undefined) return;
    const file = join(dirname(path), ".gitignore");
    const before = readPlainText(file);
    if (before === undefined) return;
    const after = removeIgnoreEntry(before, baseOf(path));
    if (after === before) return;
    noteText(this.#repo, file, before, after === "" ? undefined : after);
    if (after === "") {
      inHeldFolder(this.#repo.git.root, file, unlinkSync);
      return; // DVC does not name a file that is gone.
    }
    writeFileAtomic(file, after, { inside: this.#repo.git?.root ?? this.#repo.root });
    this.track(file);
  }

  /** Puts the `.gitignore` lines that this call added into the order of `paths`, among themselves. */
  sortIgnored(paths: readonly OsPath[]): void {
    const place = new Map(paths.map((path, index) => [path, index]));
    const added = this.#ignored.filter((path) => place.has(path));
    for (const folder of new Set(added.map((path) => dirname(path)))) {
      const names = added.filter((path) => dirname(path) === folder);
      names.sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0));
      const file = join(folder, ".gitignore");
      const before = readPlainText(file);
      const after =
        before === undefined
          ? undefined
          : withLinesInOrder(
              before,
              names.map((path) => `/${baseOf(path)}`),
            );
      if (after === undefined || after === before) continue;
      writeFileAtomic(file, after, { inside: this.#repo.git?.root ?? this.#repo.root, noFolderSync: true });
    }
  }

  /** Undoes the `.gitignore` lines that this call added. */
  rollback(): void {
    for (const path of this.#ignored.splice(0)) this.unignore(path);
  }

  /** Stages the changed files, or prints how to. */
  finish(options: CallOptions): void {
    const { git, config, env } = this.#repo;
    if (this.#changed.size === 0 || git === undefined) return;
    if (config.flag("core", "autostage") === true) {
      git.add([...this.#changed].map((file) => join(env.cwd, file)));
      return;
    }
    info(options, `\nTo track the changes with git, run:\n\n\tgit add ${[...this.#changed].map(shellQuote).join(" ")}`);
    info(options, `\nTo enable auto staging, run:\n\n\t${env.programName} config core.autostage true`);
  }
}

/** Options of {@link withGitContext}. */
export interface GitContextOptions extends CallOptions {
  /** Neither stage nor hint at the end: DVC does so only for verbs that begin to track something or move it. */
  readonly untold?: boolean;
}

/** Runs `work` with a context that is finished afterwards, or rolled back when `work` rejects. */
export async function withGitContext<T>(
  repo: Repo,
  options: GitContextOptions,
  work: (context: GitContext) => Promise<T>,
): Promise<T> {
  const context = new GitContext(repo);
  let result: T;
  try {
    result = await work(context);
  } catch (error) {
    context.rollback();
    throw error;
  }
  if (options.untold !== true) context.finish(options);
  return result;
}

/**
 * Refuses paths that Git tracks already.
 * @throws {DvcError} with DVC's text for the first one.
 */
export function refuseGitTracked(
  repo: Repo,
  paths: readonly OsPath[],
  shown: (path: OsPath) => string,
  tracked: ReadonlySet<OsPath> = repo.git?.isTracked(paths) ?? new Set(),
): void {
  const first = paths.find((path) => tracked.has(path));
  if (first === undefined) return;
  const name = shown(first);
  throw new DvcError(
    ` output '${name}' is already tracked by SCM (e.g. Git).\n    You can remove it from Git, then add to DVC.\n        To stop tracking from Git:\n            git rm -r --cached '${name}'\n            git commit -m "stop tracking ${name}" `,
  );
}

/** A plain line for exactly this path and no negation in the file: certainly ignored, no child process needed. */
function isIgnoredByLine(path: OsPath): boolean {
  const text = readPlainText(join(dirname(path), ".gitignore"));
  if (text === undefined || /^!/m.test(text)) return false;
  const name = baseOf(path);
  return !/[\\*?[\]#! ]/.test(name) && text.split("\n").includes(`/${name}`);
}

/** `text` with those of its lines that are in `wanted` in the order of `wanted`; the others stay where they are. */
function withLinesInOrder(text: string, wanted: readonly string[]): string {
  const lines = text.split("\n");
  const there = new Set(lines);
  const next = wanted.filter((line) => there.has(line)).values();
  const moved = new Set(wanted);
  return lines.map((line) => (moved.has(line) ? (next.next().value ?? line) : line)).join("\n");
}

function statKey(file: OsPath): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "" : [stat.mtimeNs, stat.ctimeNs, stat.size, stat.ino].join(" ");
}

function baseOf(path: OsPath): string {
  return path.slice(dirname(path).length).replace(/^[\\/]/, "");
}

/** Quotes a word for a POSIX shell as Python's shlex.quote does. */
export function shellQuote(word: string): string {
  if (word === "") return "''";
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/**
 * Refuses to write a stage file that Git would not see.
 * @throws {DvcError} with DVC's text.
 */
export function refuseIgnoredStageFile(repo: Repo, file: OsPath): void {
  if (repo.gitIgnored?.ignoresFile(file) !== true) return;
  throw new GitIgnoredError(`bad DVC file name '${relative(repo.env.cwd, file)}' is git-ignored.`);
}
