import { statSync } from "node:fs";
import { GRAIN_MS, isYoung, waitUntil } from "../base/clockGrain.ts";
import type { OsPath } from "../base/paths.ts";
import { namesIn } from "../fs/namesIn.ts";
import { hasFolderTimes } from "./folderTimes.ts";
import { LinkRecords } from "./links.ts";
import type { Tree } from "./tree.ts";

/** Numbers of each of the 256 folders: device, inode, mtime in ns, ctime in ns. */
const NUMBERS = 4;
const FOLDERS = 256;
/** Manifests remembered of a cache; the oldest goes. */
const MOST = 64;

/** From this many files on, the 256 folders of the cache are looked at first: that costs 2 ms. */
export const WORTH_A_LOOK = 2000;

/** The 256 folders of a cache at one moment. */
export interface CacheMoment {
  /** All numbers, as text. */
  readonly condition: string;
  /** Whether any later change of a folder will show. */
  readonly isSettled: boolean;
}

/** Looks at the 256 folders, and at the object `path`; undefined where folder times mean nothing. */
export function lookAtCache(folder: OsPath, path: OsPath): CacheMoment | undefined {
  if (!hasFolderTimes(folder)) return undefined;
  const asOf = Date.now();
  const numbers = new BigUint64Array((FOLDERS + 1) * NUMBERS);
  let isSettled = true;
  const device = statSync(folder, { bigint: true }).dev;
  for (let i = 0; i <= FOLDERS; i++) {
    const place = i === FOLDERS ? path : `${folder}/${i.toString(16).padStart(2, "0")}`;
    const stat = statSync(place, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) continue;
    // A folder on another file system: its times may mean nothing.
    if (stat.dev !== device) return undefined;
    if (isYoung(stat, asOf)) isSettled = false;
    numbers.set([stat.dev, stat.ino, stat.mtimeNs, stat.ctimeNs], i * NUMBERS);
  }
  return { condition: Buffer.from(numbers.buffer).toString("base64"), isSettled };
}

/** A manifest that this process stored, or found whole: every file of it was put into the cache or seen there. */
export interface StoredManifest {
  /** Folder of the 256 folders. */
  readonly folder: OsPath;
  readonly oid: string;
  /** Where it lies itself. */
  readonly path: OsPath;
  readonly tree: Tree;
}

/**
 * Manifests whose every file was found in a cache, with the condition of the cache's folders at that time: as long as no
 * name came or went, none of them is missing. Safe to delete.
 */
export class CacheLooks {
  readonly #records: LinkRecords;
  readonly #stored: StoredManifest[] = [];

  constructor(file: OsPath) {
    this.#records = new LinkRecords(file);
  }

  /** Whether the manifest was whole when the cache was in this condition. */
  has(folder: OsPath, oid: string, moment: CacheMoment): boolean {
    const record = this.#records.get(folder);
    return record?.token === moment.condition && record.ino.split(" ").includes(oid);
  }

  /** Notes that the manifest is whole; `moment` is from before its files were looked at. */
  note(folder: OsPath, oid: string, moment: CacheMoment): void {
    if (!moment.isSettled || this.has(folder, oid, moment)) return;
    const record = this.#records.get(folder);
    const others = record?.token === moment.condition ? record.ino.split(" ") : [];
    const oids = [...others.slice(Math.max(0, others.length - MOST + 1)), oid];
    this.#records.set(folder, { ino: oids.join(" "), token: moment.condition });
  }

  /** Tells of a large manifest that was just stored. It is noted by {@link save}, when the folders have come to rest. */
  noteStored(manifest: StoredManifest): void {
    this.#stored.push(manifest);
  }

  /** Writes what is new; in one step. */
  save(): void {
    for (const manifest of this.#stored.splice(0)) this.#confirm(manifest);
    this.#records.save();
  }

  /** Nobody may have taken an object away meanwhile: each name is looked for once more, after the look at the folders. */
  #confirm({ folder, oid, path, tree }: StoredManifest): void {
    const begun = Date.now();
    let moment = lookAtCache(folder, path);
    if (moment?.isSettled === false) {
      waitUntil(begun + GRAIN_MS + 1);
      moment = lookAtCache(folder, path);
    }
    if (moment?.isSettled === true && areListed(folder, tree)) this.note(folder, oid, moment);
  }
}

/** Whether each object has a name in its folder. One folder's names at a time: all together take 100 MB for a million. */
function areListed(folder: OsPath, tree: Tree): boolean {
  for (const [shard, rows] of tree.rowsByShard()) {
    const names = new Set(namesIn(`${folder}/${shard}`));
    for (const row of rows) if (!names.has(tree.md5At(row).slice(2))) return false;
  }
  return true;
}
