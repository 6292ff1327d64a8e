import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { isInside, type OsPath, posixRelative, type RelPath } from "../base/paths.ts";
import { build } from "../data/build.ts";
import { namesIfThere } from "../fs/namesIn.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { EMPTY_MD5 } from "../hash/md5.ts";
import type { Output } from "../pipeline/stage.ts";
import { cacheFor, recordedHash, type StageOutput } from "../repo/dataRoots.ts";
import type { Repo } from "../repo/repo.ts";
import type { Git } from "../scm/git.ts";
import { gitChanges } from "../scm/gitChanges.ts";
import type { GitTree } from "../scm/gitTree.ts";
import { isBegun, isCheckoutUnderWay } from "./begunFiles.ts";
import { snapshotGit } from "./find.ts";

/** So many files are named. */
const MOST_NAMED = 20;

/** Files beside the data, from Git's top folder. */
export interface UnsavedCode {
  /** Work that no commit has. */
  readonly unsaved: readonly RelPath[];
  /** What differs from HEAD, or is unknown to Git where the target has a file: `unsaved`, and what is as in the target already. */
  readonly changed: readonly RelPath[];
  /** Of `changed`: what a checkout of the target that was stopped has written in part. */
  readonly begun: readonly RelPath[];
}

/**
 * Files of Git's with work that no commit has: they differ from HEAD, and are not what `target` holds either (an interrupted
 * restore may have brought that). Files that Git does not know count where they are in the way of one of `target`; Git itself
 * replaces those that it ignores. What changed within submodules stays there, and does not count.
 * @param only just these files; default: all that Git tracks
 * @param data places of outputs: what lies there is no code
 */
export function unsavedCode(
  repo: Repo,
  target: GitTree,
  data: readonly OsPath[],
  only?: ReadonlySet<OsPath>,
): UnsavedCode {
  const git = snapshotGit(repo);
  const found = gitChanges(git, { untracked: false })
    .filter(({ state, module }) => !(module.startsWith("S") && state.startsWith(".")))
    .filter(({ path }) => only?.has(join(git.root, path)) ?? true);
  const differing = found.map(({ path }) => path);
  // Of a file that is gone nothing can be lost: somebody deleted it, or Git was stopped before it wrote the new one.
  const gone = new Set(found.filter(({ state }) => state === ".D").map(({ path }) => path));
  const wanted = only === undefined ? target.files() : [...only].map((path) => posixRelative(git.root, path));
  const changed = [...new Set([...differing, ...inTheWay(git, target, wanted, data)])];
  const other = changed.filter((path) => !gone.has(path) && !isAsIn(git, target, path));
  // What an earlier restore of parts has brought is in some commit, and `undo` would bring it back.
  if (only !== undefined) return { changed, unsaved: other.filter((path) => !isCommitted(git, path)), begun: [] };
  const isUnderWay = other.length > 0 && isCheckoutUnderWay(repo, target.commit);
  const begun = new Set(isUnderWay ? other.filter((path) => isBegun(repo, target, path)) : []);
  return { changed, unsaved: other.filter((path) => !begun.has(path)), begun: [...begun] };
}

/** Where outputs lie whose data is looked at apart from code. */
export function dataPlaces(outs: readonly { readonly out: Output }[]): OsPath[] {
  return outs.filter(({ out }) => out.useCache && out.isLocal).map(({ out }) => out.path);
}

/** What Git does not know, and lies where a commit has files that are not in the index. */
function inTheWay(git: Git, target: GitTree, wanted: Iterable<RelPath>, data: readonly OsPath[]): RelPath[] {
  const known = new Set(git.index());
  const isUnknown = (path: RelPath): boolean =>
    !known.has(path) && !data.some((place) => isInside(place, join(git.root, path)));
  const found = new Set<RelPath>();
  for (const path of wanted) {
    if (known.has(path) || target.entry(path)?.mode === "160000") continue;
    const at = firstNoFolder(git.root, path);
    if (at !== undefined) {
      if (isUnknown(at)) found.add(at);
    } else for (const one of filesBelow(git.root, path)) if (isUnknown(one)) found.add(one);
  }
  return [...found];
}

/** The path, or the first folder on the way there, that is something else than a folder. */
function firstNoFolder(root: OsPath, path: RelPath): RelPath | undefined {
  for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
    const at = end < 0 ? path : path.slice(0, end);
    const stat = lstatSync(join(root, at), { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (!stat.isDirectory()) return at;
    if (end < 0) return undefined;
  }
}

function* filesBelow(root: OsPath, folder: RelPath): Iterable<RelPath> {
  for (const name of namesIfThere(join(root, folder))) {
    const path = `${folder}/${name}`;
    if (lstatSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() === true) yield* filesBelow(root, path);
    else yield path;
  }
}

/** Whether a file of the workspace is as in a commit; absent in both counts. */
function isAsIn(git: Git, tree: GitTree, path: RelPath): boolean {
  const place = join(tree.root, path);
  const stat = lstatSync(place, { throwIfNoEntry: false });
  const entry = tree.entry(path);
  if (stat === undefined || entry === undefined) return stat === undefined && entry === undefined;
  if (stat.isSymbolicLink()) return entry.mode === "120000" && tree.blobText(entry.sha) === readlinkSync(place);
  if (!stat.isFile() || !entry.mode.startsWith("100")) return false;
  if (tree.readBytes(place)?.equals(readFileSync(place)) === true) return true;
  return storedId(git, path) === entry.sha;
}

/** The id of a file as Git would store it: line ends, filters. */
function storedId(git: Git, path: RelPath): string {
  return git
    .run(["hash-object", "--", path], { allow: [0, 128] })
    .stdout.toString("latin1")
    .trim();
}

/** Whether some commit that a ref reaches has a file as it is in the workspace. */
function isCommitted(git: Git, path: RelPath): boolean {
  if (lstatSync(join(git.root, path), { throwIfNoEntry: false })?.isFile() !== true) return false;
  const id = storedId(git, path);
  if (id === "" || git.run(["cat-file", "-e", id], { allow: [0, 1, 128] }).code !== 0) return false;
  const find = ["log", "--all", "-1", "--no-show-signature", "--format=%H", `--find-object=${id}`];
  return git.run([...find, "--", `:(top,literal)${path}`], { allow: [0, 128] }).stdout.length > 0;
}

/**
 * Files at the places of outputs (only those `within`) whose contents are in no cache. What Git tracks is not looked at; an empty
 * file holds no work.
 */
export async function unsavedData(
  repo: Repo,
  outs: readonly (StageOutput & { readonly within?: RelPath | undefined })[],
  options: CallOptions,
): Promise<RelPath[]> {
  const unsaved: RelPath[] = [];
  const seen = new Set<string>();
  const present = outs.filter(
    ({ out }) => out.useCache && out.isLocal && lstatSync(out.path, { throwIfNoEntry: false }) !== undefined,
  );
  const inGit = snapshotGit(repo).isTracked(present.map(({ out }) => out.path));
  for (const one of present) {
    const { out, within } = one;
    const place = `${out.path}\0${within ?? ""}`;
    if (inGit.has(out.path) || seen.has(place)) continue;
    seen.add(place);
    const recorded = recordedHash(one);
    const hashName = recorded?.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
    const { signal } = options;
    const call = signal === undefined ? {} : { signal };
    const built = await build(out.path, { ...call, state: repo.state, ignore: repo.ignore, hashName });
    const cache = cacheFor(repo, { name: hashName, value: "" });
    const base = posixRelative(repo.root, out.path);
    if (!isDirHash(built.hash.value)) {
      if (!cache.exists([built.hash.value]).add(EMPTY_MD5).has(built.hash.value)) unsaved.push(base);
      continue;
    }
    const entries = (within === undefined ? built.tree?.entries : built.tree?.under(within)) ?? [];
    const there = cache.exists(new Set(entries.map(({ md5 }) => md5))).add(EMPTY_MD5);
    for (const { md5, relpath } of entries) if (!there.has(md5)) unsaved.push(`${base}/${relpath}`);
  }
  repo.state.save();
  return unsaved;
}

/** @throws {DvcError} `unsaved-files` that names the files and says what to do */
export function refuseUnsaved(repo: Repo, code: readonly RelPath[], data: readonly RelPath[]): void {
  if (code.length + data.length === 0) return;
  const program = repo.env.programName;
  const lists = [
    ...(code.length > 0 ? [`  not committed to Git:${listed(code)}`] : []),
    ...(data.length > 0 ? [`  data that is not in the cache:${listed(data)}`] : []),
  ];
  throw new DvcError(`the workspace holds work that is saved nowhere:\n${lists.join("\n")}`, {
    code: "unsaved-files",
    hint:
      `Nothing was changed. Save it first ('${program} snapshot save'` +
      (code.length > 0
        ? ", after 'git add' for what Git does not know), put it aside ('git stash -u', or move it) or drop it ('git restore')."
        : `), or drop it ('${program} checkout --force').`),
  });
}

function listed(paths: readonly string[]): string {
  const more = paths.length > MOST_NAMED ? `\n    … and ${String(paths.length - MOST_NAMED)} more` : "";
  return (
    paths
      .slice(0, MOST_NAMED)
      .map((path) => `\n    ${path}`)
      .join("") + more
  );
}
