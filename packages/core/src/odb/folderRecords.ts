import type { OsPath } from "../base/paths.ts";
import { isOid } from "../hash/hashInfo.ts";
import { LinkRecords } from "./links.ts";

/** What a folder held when it was last hashed. */
export interface FolderRecord {
  /** Over the names and conditions of everything in it; equal means unchanged. */
  readonly fingerprint: string;
  /** Hash of its manifest. */
  readonly oid: string;
  /** Bytes of all files. */
  readonly size: number;
  /** Number of files. */
  readonly nfiles: number;
}

/**
 * Folders by path and hash name with what they held, so that an unchanged one needs one look at each file and nothing
 * else. Kept in a file of its own; safe to delete.
 */
export class FolderRecords {
  readonly #records: LinkRecords;

  constructor(file: OsPath) {
    this.#records = new LinkRecords(file);
  }

  /** The last record of a folder. */
  get(path: OsPath, hashName: string): FolderRecord | undefined {
    const record = this.#records.get(`${hashName}:${path}`);
    const [oid = "", size = "", nfiles = ""] = record?.token.split(" ") ?? [];
    return record === undefined || !isOid(oid) || !/^\d+$/.test(size) || !/^\d+$/.test(nfiles)
      ? undefined
      : { fingerprint: record.ino, oid, size: Number(size), nfiles: Number(nfiles) };
  }

  /** Replaces the record of a folder. */
  set(path: OsPath, hashName: string, record: FolderRecord): void {
    this.#records.set(`${hashName}:${path}`, {
      ino: record.fingerprint,
      token: `${record.oid} ${String(record.size)} ${String(record.nfiles)}`,
    });
  }

  /** Writes what is new; in one step. */
  save(): void {
    this.#records.save();
  }
}
