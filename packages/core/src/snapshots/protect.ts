import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { type OsPath, posixRelative, type RelPath } from "../base/paths.ts";
import { build } from "../data/build.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { EMPTY_MD5 } from "../hash/md5.ts";
import { cacheFor, recordedHash, type StageOutput } from "../repo/dataRoots.ts";
import type { Repo } from "../repo/repo.ts";
import type { GitTree } from "../scm/gitTree.ts";
import { snapshotGit } from "./find.ts";

/** So many files are named. */
const MOST_NAMED = 20;

/**
 * Files of Git's with work that no commit has: they differ from HEAD, and are not what `target` holds either (an interrupted
 * restore may have brought that). Paths from Git's top folder.
 * @param only just these files; default: all that Git tracks
 */
export function unsavedCode(
  repo: Repo,
  target: GitTree,
  only?: ReadonlySet<OsPath>,
): { unsaved: RelPath[]; changed: RelPath[] } {
  const git = snapshotGit(repo);
  const untracked = only === undefined ? "no" : "all";
  const { stdout } = git.run(
    ["status", "--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=none", `--untracked-files=${untracked}`],
    {},
  );
  const changed = stdout
    .toString("utf8")
    .split("\0")
    .filter((line) => line !== "" && (only?.has(join(git.root, line.slice(3))) ?? true))
    .map((line) => line.slice(3));
  return { changed, unsaved: changed.filter((path) => !isAsIn(target, path)) };
}

/** Whether a file of the workspace is as in a commit; absent in both counts. */
function isAsIn(tree: GitTree, path: RelPath): boolean {
  const place = join(tree.root, path);
  const stat = lstatSync(place, { throwIfNoEntry: false });
  const entry = tree.entry(path);
  if (stat === undefined || entry === undefined) return stat === undefined && entry === undefined;
  if (stat.isSymbolicLink()) return entry.mode === "120000" && tree.blobText(entry.sha) === readlinkSync(place);
  if (!stat.isFile() || !entry.mode.startsWith("100")) return false;
  return tree.readBytes(place)?.equals(readFileSync(place)) === true;
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
      `Nothing was changed. Save it first ('${program} snapshot save')` +
      (code.length > 0
        ? ", or put it aside ('git stash') or drop it ('git restore')."
        : `, or drop it ('${program} checkout --force').`),
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
