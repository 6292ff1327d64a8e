import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { TEMPORARY_NAME } from "../fs/atomic.ts";
import { namesIfThere } from "../fs/namesIn.ts";
import { isOid } from "../hash/hashInfo.ts";
import { type ObjectDb, SHARD } from "./objectDb.ts";

/** Something in the folders of objects. `oid` is empty for what is no object. */
export interface StoredEntry {
  readonly kind: "object" | "temporary" | "foreign";
  readonly oid: string;
  readonly path: OsPath;
}

/**
 * All that lies in a cache's folders of objects, in one pass, without what `skip` says of objects' names. `foreign`: files and
 * folders that are no objects (left by old versions or by hand), which nothing can use; only of the 3.x layout, whose
 * folder holds nothing else.
 * @throws the file system's error when any folder cannot be listed.
 */
export function* contentOf(cache: ObjectDb, skip: (oid: string) => boolean = () => false): Iterable<StoredEntry> {
  const { folder, layout } = cache;
  for (const name of namesIfThere(folder)) {
    if (TEMPORARY_NAME.test(name)) yield { kind: "temporary", oid: "", path: join(folder, name) };
    if (name.length !== 2) continue;
    const isShard = SHARD.test(name);
    if (!isShard && layout !== "3.x") continue;
    for (const rest of namesIfThere(join(folder, name))) {
      const oid = name + rest;
      if (skip(oid)) continue;
      const path = `${folder}/${name}/${rest}`;
      if (isShard && isOid(oid)) yield { kind: "object", oid, path };
      else if (TEMPORARY_NAME.test(rest)) yield { kind: "temporary", oid: "", path };
      else if (layout === "3.x") yield { kind: "foreign", oid: "", path };
    }
  }
}
