import type { CallOptions } from "../base/events.ts";
import { resolve } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { type OutEntry, parseDvcFile, type SingleStageFile } from "../formats/dvcFile.ts";
import { pyJsonDumps } from "../formats/pyJson.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { Tree, type TreeEntry } from "../odb/tree.ts";
import { loadDvcFile } from "../pipeline/load.ts";
import { saveStage } from "../pipeline/save.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import type { Repo } from "../repo/repo.ts";
import { viewOf } from "../repo/shown.ts";
import { treeOf } from "./recordOutput.ts";

/** What is recorded of the data; the rest of an entry are options. */
const RECORDED: ReadonlySet<string> = new Set(["md5", "size", "nfiles", "files", "cloud"]);

/** The three versions that Git hands to a merge driver; `our` is overwritten with the result. */
export interface MergeFiles {
  readonly ancestor: string;
  readonly our: string;
  readonly their: string;
}

/**
 * Three-way merge of two versions of a `.dvc` file of one added folder: files added, removed and changed on either side
 * are taken; a file changed differently on both is a conflict.
 * @throws {DvcError} `unable to auto-merge …`; `our` is unchanged then.
 */
export async function mergeDvcFiles(repo: Repo, files: MergeFiles, options: CallOptions = {}): Promise<void> {
  const path = (file: string): OsPath => resolve(repo.env.cwd, file);
  refuseOthers([files.ancestor, files.our, files.their].map((file) => entriesIn(repo, path(file))));
  const load = (file: string): Stage => loadDvcFile(path(file), repo.workspace, repo.loadContext);
  const [ancestor, our, their] = [load(files.ancestor), load(files.our), load(files.their)];
  if (their.outs.length === 0) return Promise.resolve();
  const [theirOut] = their.outs;
  const [ourOut] = our.outs;
  if (ourOut === undefined || theirOut === undefined) {
    saveStage({ ...our, outs: their.outs }, viewOf(repo, options));
    return;
  }
  const [baseOut] = ancestor.outs;
  const base = baseOut === undefined ? Tree.from([]) : need(repo, baseOut);
  const merged = mergeTrees(base, need(repo, ourOut), need(repo, theirOut));
  repo.cache.addTree(merged);
  repo.cache.flush();
  const size = totalSize(repo, merged);
  const meta = { ...(size === undefined ? {} : { size }), nfiles: merged.entries.length };
  saveStage({ ...our, outs: [{ ...ourOut, hash: { name: "md5", value: merged.oid }, meta }] }, viewOf(repo, options));
}

function entriesIn(repo: Repo, file: OsPath): SingleStageFile {
  return parseDvcFile(repo.workspace.readText(file) ?? "", file);
}

/** What is not made by `add`, or is not the same kind of folder, is not merged; told in DVC's words. */
function refuseOthers(files: readonly SingleStageFile[]): void {
  const [ancestor, our, their] = files;
  if ((their?.outs ?? []).length === 0 || (our?.outs ?? []).length === 0) return;
  for (const file of files) {
    const [deps, outs] = [file.deps ?? [], file.outs ?? []];
    if (deps.length > 0 || outs.length > 1)
      throw new DvcError("unable to auto-merge DVC files that weren't created by `dvc add`");
  }
  const [base] = ancestor?.outs ?? [];
  const [mine] = our?.outs ?? [];
  const [yours] = their?.outs ?? [];
  if (mine === undefined || yours === undefined) return;
  if (base !== undefined) checkSame(base, mine);
  checkSame(mine, yours);
}

function checkSame(a: OutEntry, b: OutEntry): void {
  const options = (out: OutEntry): string => {
    const kept = Object.entries(out).filter(([key]) => !RECORDED.has(key));
    return pyJsonDumps(Object.fromEntries(kept), { sortKeys: true });
  };
  if (options(a) !== options(b)) throw new DvcError("unable to auto-merge outputs with different options");
  const isFile = ({ md5 }: OutEntry): boolean => md5 !== undefined && !isDirHash(String(md5));
  if (isFile(a) || isFile(b)) throw new DvcError("unable to auto-merge outputs that are not directories");
}

function need(repo: Repo, out: Output): Tree {
  if (out.hash !== undefined && !isDirHash(out.hash.value))
    throw new DvcError("unable to auto-merge outputs that are not directories");
  const tree = treeOf(repo, out);
  if (tree === undefined) {
    throw new DvcError(
      `unable to auto-merge '${out.defPath}': its manifest ${out.hash?.value ?? ""} is not in the cache`,
      {
        code: "missing-object",
        hint: `Fetch both versions first ('${repo.env.programName} fetch --all-branches'), then merge again.`,
      },
    );
  }
  return tree;
}

/** Takes each side's changes against the base; equal changes on both sides are one. */
function mergeTrees(base: Tree, ours: Tree, theirs: Tree): Tree {
  const paths = new Set([...base.entries, ...ours.entries, ...theirs.entries].map((entry) => entry.relpath));
  const entries: TreeEntry[] = [];
  const conflicts: string[] = [];
  for (const path of paths) {
    const [was, mine, yours] = [base.get(path), ours.get(path), theirs.get(path)];
    let pick = mine;
    if (mine?.md5 === was?.md5) pick = yours;
    else if (yours?.md5 !== was?.md5 && yours?.md5 !== mine?.md5) conflicts.push(path);
    if (pick !== undefined) entries.push(pick);
  }
  if (conflicts.length > 0)
    throw new DvcError(`unable to auto-merge the following paths:\n${conflicts.sort().join("\n")}`);
  return Tree.from(entries);
}

function totalSize(repo: Repo, tree: Tree): number | undefined {
  let total = 0;
  for (const entry of tree.entries) {
    const size = entry.size ?? repo.cache.sizeOf(entry.md5);
    if (size === undefined) return undefined;
    total += size;
  }
  return total;
}
