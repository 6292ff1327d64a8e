import type { OsPath } from "../base/paths.ts";
import { removeQuietly } from "../fs/atomic.ts";
import type { Downloaded } from "../fs/filesystem.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { Tree, type TreeEntry } from "../odb/tree.ts";
import type { Built } from "./build.ts";

/** Fetches a file to a new path, hashed on its way. */
export type FetchTo = (to: OsPath) => Promise<Downloaded>;

/** A file of a folder, with its bytes. */
export type SizedEntry = TreeEntry & { readonly size: number };

/** Stores what `fetch` brings under the hash of what came. It gets its name when the database is flushed. */
export async function storeDownload(store: ObjectDb, fetch: FetchTo): Promise<Downloaded> {
  const temporary = store.temporaryFor();
  try {
    const got = await fetch(temporary);
    store.adopt(temporary, got.md5, true);
    return got;
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
}

/** A file that was stored. */
export function builtFile({ md5, size }: Downloaded): Built {
  return { hash: { name: "md5", value: md5 }, meta: { size }, hasLinks: false };
}

/**
 * Stores the manifest of a folder whose files were stored. When it returns, all of it is safe against power loss.
 * @param source names the folder in errors
 * @throws {UnsafePathError} as {@link Tree.from}
 */
export function storeFolder(
  store: ObjectDb,
  entries: readonly SizedEntry[],
  source?: string,
): Built & { readonly tree: Tree } {
  const tree = Tree.from(entries, source);
  store.addTree(tree);
  store.flush();
  const meta = { size: entries.reduce((sum, { size }) => sum + size, 0), nfiles: tree.nfiles };
  return { hash: { name: "md5", value: tree.oid }, meta, tree, hasLinks: false };
}
