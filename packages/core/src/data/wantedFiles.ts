import type { RelPath } from "../base/paths.ts";
import type { Tree } from "../odb/tree.ts";

/** Hash by path of each file that should be there, in order. */
export type WantedFiles = Pick<ReadonlyMap<RelPath, string>, "size" | "has" | "get" | "keys"> &
  Iterable<[RelPath, string]>;

/** From so many files on a map takes more memory than it saves time: 150 bytes a file. */
const SEARCH_FROM = 250_000;

/** The files of a whole tree. */
export function wantedOf(tree: Tree): WantedFiles {
  if (tree.nfiles >= SEARCH_FROM) return new SearchedFiles(tree);
  const files = new Map<RelPath, string>();
  for (const { relpath, md5 } of tree) files.set(relpath, md5);
  return files;
}

/** Looks for each file in the order of the tree. */
class SearchedFiles implements WantedFiles {
  readonly #tree: Tree;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  get size(): number {
    return this.#tree.nfiles;
  }

  has(relpath: RelPath): boolean {
    return this.get(relpath) !== undefined;
  }

  get(relpath: RelPath): string | undefined {
    return this.#tree.get(relpath)?.md5;
  }

  *keys(): MapIterator<RelPath> {
    for (const { relpath } of this.#tree) yield relpath;
  }

  *[Symbol.iterator](): IterableIterator<[RelPath, string]> {
    for (const { relpath, md5 } of this.#tree) yield [relpath, md5];
  }
}
