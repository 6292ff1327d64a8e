import { basename } from "node:path";
import type { OsPath, RelPath } from "../base/paths.ts";
import { parseDvcFile, type OutEntry } from "../formats/dvcFile.ts";
import { parseLockfile } from "../formats/lockfile.ts";
import { type HashInfo, isOid } from "../hash/hashInfo.ts";
import type { GitTree } from "../scm/gitTree.ts";

/** What one pointer file says of one output. */
export interface Pointer {
  /** The output's path, relative to the folder of the pointer file. */
  readonly path: RelPath;
  readonly hash: HashInfo;
  /** The remote that the output names. */
  readonly remote: string | undefined;
}

/** A file that records hashes: a `.dvc` file, or dvc.lock. By its name alone. */
export function isPointerFile(path: string): boolean {
  const name = basename(path);
  return name === "dvc.lock" || (name.endsWith(".dvc") && name !== ".dvc");
}

/**
 * The hashes that a pointer file records, without loading the stages: of outputs only, and not of data that another
 * repository keeps.
 * @throws {FormatError} when it cannot be read.
 */
export function pointersOf(file: string, text: string): Pointer[] {
  if (text.trim() === "") return [];
  if (basename(file) === "dvc.lock") {
    const { stages } = parseLockfile(text, file);
    return Object.values(stages ?? {}).flatMap(({ outs }) => pointersIn(outs ?? []));
  }
  const { outs, deps } = parseDvcFile(text, file);
  return deps?.some((dep) => dep.repo !== undefined) === true ? [] : pointersIn(outs ?? []);
}

function pointersIn(outs: readonly Pick<OutEntry, "md5" | "hash" | "path" | "remote">[]): Pointer[] {
  return outs.flatMap(({ md5, hash, path, remote }) =>
    typeof md5 === "string" && isOid(md5)
      ? [{ path: path ?? "", hash: { name: hash === "md5" ? "md5" : "md5-dos2unix", value: md5 } as const, remote }]
      : [],
  );
}

/** The pointer files of one project in a commit, as paths from the repository's root. Projects within it are left out. */
export function pointerFilesOf(tree: GitTree, project: RelPath): RelPath[] {
  const prefix = project === "." ? "" : `${project}/`;
  const nested = new Set<RelPath>();
  const found: RelPath[] = [];
  for (const path of tree.files()) {
    if (!path.startsWith(prefix)) continue;
    const inner = /^(.+\/)\.dvc\/[^/]+$/.exec(path.slice(prefix.length))?.[1];
    if (inner !== undefined) nested.add(prefix + inner);
    const mode = tree.entry(path)?.mode;
    if (isPointerFile(path) && mode?.startsWith("100") === true && !/(^|\/)\.dvc\//.test(path)) found.push(path);
  }
  return nested.size === 0 ? found : found.filter((path) => ![...nested].some((folder) => path.startsWith(folder)));
}

/** Reads pointer files once each, by the bytes that Git stores. */
export class PointerReader {
  readonly #known = new Map<string, readonly Pointer[]>();

  /** All pointers of one project in a commit, with the file of each. @throws {FormatError} for a file that cannot be read. */
  *inCommit(tree: GitTree, project: RelPath): Iterable<{ readonly file: RelPath; readonly pointer: Pointer }> {
    const files = pointerFilesOf(tree, project);
    tree.expect(files.map((file): OsPath => `${tree.root}/${file}`));
    for (const file of files) {
      const sha = `${basename(file) === "dvc.lock" ? "lock" : ""}${tree.entry(file)?.sha ?? ""}`;
      let pointers = this.#known.get(sha);
      if (pointers === undefined) {
        pointers = pointersOf(file, tree.readText(`${tree.root}/${file}`) ?? "");
        this.#known.set(sha, pointers);
      }
      for (const pointer of pointers) yield { file, pointer };
    }
  }
}
