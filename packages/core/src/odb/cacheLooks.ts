import { statSync } from "node:fs";
import { isYoung } from "../base/clockGrain.ts";
import type { OsPath } from "../base/paths.ts";
import { hasFolderTimes } from "./folderTimes.ts";
import { LinkRecords } from "./links.ts";

/** Numbers of each of the 256 folders: device, inode, mtime in ns, ctime in ns. */
const NUMBERS = 4;
const FOLDERS = 256;
/** Manifests remembered of a cache; the oldest goes. */
const MOST = 64;

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

/**
 * Manifests whose every file was found in a cache, with the condition of the cache's folders at that time: as long as no
 * name came or went, none of them is missing. Safe to delete.
 */
export class CacheLooks {
  readonly #records: LinkRecords;

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

  /** Writes what is new; in one step. */
  save(): void {
    this.#records.save();
  }
}
