import { renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { readBounded } from "../fs/readBounded.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { removeLeft, temporaryPath } from "../fs/atomic.ts";

/** What was put at a path of the workspace, so that an untouched one can be recognised later. */
export interface LinkRecord {
  /** Inode of the file or folder, decimal. */
  readonly ino: string;
  /** For a file its mtime in ns and size; for a folder a hash over those of all its files. The caller makes it. */
  readonly token: string;
}

/** A links file larger than this is not ours. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Files and folders that Holdfast put into the workspace, by path. `checkout` removes those that no stage lists any
 * more when they are still as recorded.
 */
export class LinkRecords {
  readonly #file: OsPath;
  #records: Map<string, LinkRecord> | undefined;
  #dirty = false;

  constructor(file: OsPath) {
    this.#file = file;
  }

  /** The record of a path, as it was given to {@link set}. */
  get(path: string): LinkRecord | undefined {
    return this.#loaded().get(path);
  }

  /** Notes that `path` now holds this. */
  set(path: string, record: LinkRecord): void {
    const old = this.#loaded().get(path);
    if (old?.ino === record.ino && old.token === record.token) return;
    this.#loaded().set(path, record);
    this.#dirty = true;
  }

  /** Forgets a path. */
  delete(path: string): void {
    if (this.#loaded().delete(path)) this.#dirty = true;
  }

  /** All records, in no particular order. */
  *all(): Iterable<[path: string, record: LinkRecord]> {
    yield* [...this.#loaded()];
  }

  /** Writes the file when anything changed; in one step. */
  save(): void {
    if (!this.#dirty || this.#records === undefined) return;
    const temporary = temporaryPath(this.#file);
    makeFolders(dirname(this.#file));
    try {
      writeFileSync(temporary, JSON.stringify({ version: 1, links: Object.fromEntries(this.#records) }), {
        mode: 0o600,
        flag: "wx",
      });
      renameSync(temporary, this.#file);
      removeLeft(this.#file, dirname(this.#file));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    this.#dirty = false;
  }

  #loaded(): Map<string, LinkRecord> {
    this.#records ??= readLinks(this.#file);
    return this.#records;
  }
}

/** A missing or damaged file reads as empty: then nothing counts as ours and nothing is removed. */
function readLinks(file: OsPath): Map<string, LinkRecord> {
  const links = new Map<string, LinkRecord>();
  try {
    const text = readBounded(file, MAX_BYTES, "utf8");
    if (text === undefined) return links;
    const value = JSON.parse(text) as { version?: unknown; links?: unknown } | null;
    if (value?.version !== 1 || typeof value.links !== "object" || value.links === null) return links;
    for (const [path, record] of Object.entries(value.links)) {
      const { ino, token } = (record ?? {}) as { ino?: unknown; token?: unknown };
      if (typeof ino === "string" && typeof token === "string") links.set(path, { ino, token });
    }
  } catch {
    return links;
  }
  return links;
}
