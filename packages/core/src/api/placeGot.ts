import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import { isInside, isStrictlyInside, type OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { removeLeftovers, syncFolder, temporaryPath } from "../fs/atomic.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { inHeldFolder } from "../fs/heldFolders.ts";
import { makeDurable } from "../odb/durable.ts";
import { moveInto } from "../repo/externalFiles.ts";
import { flushJournal, journaled, note } from "../repo/journal.ts";
import { Keeper } from "../repo/keep.ts";
import { look } from "../repo/noteData.ts";
import { findProjectRoot } from "../repo/projectRoot.ts";
import { openRepoSync, type Repo } from "../repo/repo.ts";

/**
 * Runs `work` with a new folder beside `target` for what is being got; it goes at the end, as do folders that were made above it
 * when nothing came of it.
 * @throws what `work` throws; {DvcError} when somebody gave the place to another folder meanwhile
 */
export async function aside<T>(target: OsPath, work: (folder: OsPath) => Promise<T>): Promise<T> {
  const firstMade = makeFolders(dirname(target));
  removeLeftovers(target);
  const folder = temporaryPath(target);
  mkdirSync(folder);
  let isDone = false;
  try {
    const result = await work(folder);
    isDone = true;
    return result;
  } catch (error) {
    if (error instanceof DvcError || existsSync(folder)) throw error;
    throw new DvcError(`'${dirname(target)}' became another folder while '${basename(target)}' was being got`, {
      code: "io",
      cause: error,
      hint: "Nothing was put there. Run the command again.",
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    if (!isDone && firstMade !== undefined) removeEmpty(dirname(target), firstMade);
  }
}

/** Removes folders that nobody put anything into, from `folder` up to `first`. */
function removeEmpty(folder: OsPath, first: OsPath): void {
  try {
    for (let at = folder; isInside(first, at); at = dirname(at)) rmdirSync(at);
  } catch {
    // Somebody uses it.
  }
}

/**
 * Moves what was got, a finished file or folder, to its place; into a folder that is there, file by file. Within a project what
 * it replaces goes into the trash, and `undo` can take it back.
 * @param verb the command that got it
 */
export async function placeGot(env: Environment, verb: string, from: OsPath, to: OsPath): Promise<void> {
  // No cache holds it: a power cut after this must not leave empty files under the names.
  makeDurable(from, [...filesBelow(from)]);
  const repo = projectOf(env, to);
  if (repo === undefined) {
    moveInto(from, to);
    syncFolder(dirname(to));
    return;
  }
  await journaled(repo, verb, async () => {
    const keeper = new Keeper(repo, verb);
    try {
      await placeNoted(repo, keeper, from, to);
    } finally {
      keeper.finish();
    }
  });
}

/** The project that the place is part of, if it can be opened: nothing here needs one. */
function projectOf(env: Environment, to: OsPath): Repo | undefined {
  const root = findProjectRoot(dirname(to));
  if (root === undefined || !isStrictlyInside(root, to) || isInside(join(root, ".dvc"), to)) return undefined;
  try {
    return openRepoSync({ ...env, cwd: root });
  } catch (error) {
    if (error instanceof DvcError) return undefined;
    throw error;
  }
}

async function placeNoted(repo: Repo, keeper: Keeper, from: OsPath, to: OsPath): Promise<void> {
  for (const move of [...movesOf(from, to)]) {
    if (move.isReplaced) keeper.drop(move.to, await look(repo, move.to, "md5", {}));
    note(repo, { kind: "data", path: move.to, before: null }, { soft: true });
    inHeldFolder(repo.root, move.to, (at) => {
      renameSync(move.from, at);
    });
  }
  syncFolder(dirname(to));
  flushJournal(repo);
  rmSync(from, { recursive: true, force: true });
}

interface Move {
  readonly from: OsPath;
  readonly to: OsPath;
  readonly isReplaced: boolean;
}

/** The renames that it takes. */
function* movesOf(from: OsPath, to: OsPath): Iterable<Move> {
  const [source, target] = [lstatSync(from), lstatSync(to, { throwIfNoEntry: false })];
  if (target?.isDirectory() !== true || !source.isDirectory()) {
    yield { from, to, isReplaced: target !== undefined };
    return;
  }
  for (const name of readdirSync(from)) yield* movesOf(join(from, name), join(to, name));
}

function* filesBelow(path: OsPath): Iterable<OsPath> {
  if (!lstatSync(path).isDirectory()) yield path;
  else for (const name of readdirSync(path)) yield* filesBelow(join(path, name));
}
