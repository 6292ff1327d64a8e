import { appendFileSync, lstatSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { isLeftover, removeQuietly, TEMPORARY_NAME, temporaryPath } from "../fs/atomic.ts";
import type { FetchedObject, RangeNotes } from "../fs/filesystem.ts";

/** Larger notes are none of ours (bytes). */
const MAX_NOTES = 4 << 20;
/** Between the name of an object and the rest of a temporary name. */
const MARK = ".ranges";

interface Header extends FetchedObject {
  /** Whose process wrote it: only on this machine can be told whether it has ended. */
  readonly host: string;
  /** Name of the temporary file with the bytes, in the same folder. */
  readonly data: string;
}

/** Notes that earlier runs have left in object folders; each folder is looked at once. */
export class LeftNotes {
  readonly #names: Map<OsPath, readonly string[]> = new Map<OsPath, readonly string[]>();

  /** Those for the object that shall come to `path`, whose folder is there. */
  of(path: OsPath): readonly OsPath[] {
    const folder = dirname(path);
    let names = this.#names.get(folder);
    if (names === undefined) {
      names = readdirSync(folder).filter((name) => name.includes(`${MARK}.`) && isLeftover(name));
      this.#names.set(folder, names);
    }
    const ours = `.${basename(path)}${MARK}.`;
    return names.filter((name) => name.startsWith(ours)).map((name) => join(folder, name));
  }
}

/**
 * Notes beside the temporary file of a large object: which ranges of it are in place. One line each, so that a run which is
 * killed leaves whole lines. What the lines promise is believed only until the bytes are hashed.
 */
export class LeftDownload implements RangeNotes {
  readonly #temporary: OsPath;
  readonly #path: OsPath;
  readonly #leftovers: LeftNotes;
  #notes: OsPath | undefined;
  #count = 0;
  #tookOver = false;

  /** `temporary`: where the bytes come; `path`: the place that the object shall have. */
  constructor(temporary: OsPath, path: OsPath, leftovers: LeftNotes) {
    this.#temporary = temporary;
    this.#path = path;
    this.#leftovers = leftovers;
  }

  /** Whether bytes of an earlier run are part of it. */
  get tookOver(): boolean {
    return this.#tookOver;
  }

  /** Whether there is something for a later run to go on with. */
  get isWorthKeeping(): boolean {
    return this.#count > 0;
  }

  left(): FetchedObject | undefined {
    for (const notes of this.#leftovers.of(this.#path)) {
      const found = readNotes(notes);
      if (found?.header.host === hostname()) return found.header;
    }
    return undefined;
  }

  takeOver(object: FetchedObject): readonly number[] | undefined {
    for (const notes of this.#leftovers.of(this.#path)) {
      const starts = this.#take(notes, object);
      if (starts !== undefined) return starts;
    }
    return undefined;
  }

  /** Of several runs that find the same notes, the one that renames them has them. */
  #take(notes: OsPath, object: FetchedObject): readonly number[] | undefined {
    const found = readNotes(notes);
    if (found?.header.host !== hostname() || !isOurs(notes)) return undefined;
    const data = join(dirname(notes), found.header.data);
    const claimed = temporaryPath(this.#path + MARK);
    try {
      renameSync(notes, claimed);
    } catch {
      return undefined;
    }
    removeQuietly(claimed);
    if (!isOf(found.header, object) || !isOurs(data) || !holds(data, found.starts, object)) {
      removeQuietly(data);
      return undefined;
    }
    renameSync(data, this.#temporary);
    this.#tookOver = true;
    return found.starts;
  }

  begin({ etag, size, range }: FetchedObject, done: readonly number[]): void {
    const header: Header = { host: hostname(), data: basename(this.#temporary), etag, size, range };
    this.#notes = temporaryPath(this.#path + MARK);
    this.#count = done.length;
    writeFileSync(this.#notes, [JSON.stringify(header), ...done, ""].join("\n"), { flag: "wx" });
  }

  done(start: number): void {
    this.#count++;
    if (this.#notes !== undefined) appendFileSync(this.#notes, `${String(start)}\n`);
  }

  forget(): void {
    if (this.#notes !== undefined) removeQuietly(this.#notes);
    this.#notes = undefined;
    this.#count = 0;
    this.#tookOver = false;
  }
}

/** Only of a file of one's own can the mode be changed. */
function isOurs(path: OsPath): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.uid === (process.getuid?.() ?? found.uid);
}

/** Whether a file is so large as the ranges in it need, and no larger than the object: nothing else would ever cut it. */
function holds(path: OsPath, starts: readonly number[], { size, range }: FetchedObject): boolean {
  const found = lstatSync(path).size;
  return found <= size && starts.every((start) => Math.min(start + range, size) <= found);
}

function isOf({ etag, size, range }: Header, object: FetchedObject): boolean {
  return etag === object.etag && size === object.size && range === object.range;
}

/** Undefined for what is none of ours, and when it is gone. */
function readNotes(path: OsPath): { readonly header: Header; readonly starts: readonly number[] } | undefined {
  try {
    if (lstatSync(path).size > MAX_NOTES) return undefined;
    // What follows the last line break was not written whole.
    const [first = "", ...rest] = readFileSync(path, "utf8").split("\n").slice(0, -1);
    const header = JSON.parse(first) as Header;
    if (!TEMPORARY_NAME.test(header.data) || header.data.includes("/")) return undefined;
    const starts = rest.map(Number);
    const isRange = (start: number): boolean =>
      Number.isSafeInteger(start) && start >= 0 && start < header.size && start % header.range === 0;
    return starts.every(isRange) ? { header, starts: [...new Set(starts)] } : undefined;
  } catch {
    return undefined;
  }
}
