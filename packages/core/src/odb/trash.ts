import { lstatSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, unlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { systemClock } from "../base/clock.ts";
import { isStrictlyInside, type OsPath } from "../base/paths.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { HeldFolders } from "../fs/heldFolders.ts";
import { namesIfThere } from "../fs/namesIn.ts";
import { isOid } from "../hash/hashInfo.ts";
import type { ObjectDb } from "./objectDb.ts";
import { makeObjectFolder } from "./objectFolder.ts";

/** In a bin: its record, and the objects as they lay in the cache, by layout. */
const RECORD = "record.json";
const OBJECTS = "objects";
const FILES = "files";
const LAYOUTS = ["3.x", "legacy"] as const;
/** Names of bins sort by time. */
const BIN = /^\d{17}-\d+(-\d+)?$/;

/** What a bin says of itself. */
export interface TrashRecord {
  /** When it was begun, ms since the epoch. */
  readonly at: number;
  /** The command line that filled it. */
  readonly command: string;
  /** Top folder of the project that filled it. */
  readonly project: OsPath;
  /** What it holds; zero when the command was killed before its end. */
  readonly objects: number;
  readonly bytes: number;
}

/** What one command removed. */
export interface TrashBin {
  readonly id: string;
  readonly path: OsPath;
  /** Undefined when its record can't be read. */
  readonly record: TrashRecord | undefined;
}

/** Objects and the bytes they hold. */
export interface TrashTotal {
  readonly objects: number;
  readonly bytes: number;
}

/**
 * A bin that is being filled: made when the first thing comes, on the file system of that thing, so that everything gets
 * there by one rename. The record is there before the first object, so that whatever a kill leaves can be brought back.
 */
export class FillingBin {
  readonly #homes: OsPath[];
  readonly #about: Pick<TrashRecord, "command" | "project">;
  readonly #dirMode: number | undefined;
  readonly #beginning: ((path: OsPath) => void) | undefined;
  readonly #made = new Set<OsPath>();
  readonly #at = systemClock.now();
  /** By where what comes is from. */
  readonly #held = new Map<OsPath, HeldFolders>();
  #path: OsPath | undefined;
  #objects = 0;
  #bytes = 0;

  /** `homes`: trash folders, in order of preference. `beginning` hears of its path before the bin is made. */
  constructor(
    homes: readonly OsPath[],
    about: Pick<TrashRecord, "command" | "project">,
    options: { readonly dirMode?: number | undefined; readonly beginning?: (path: OsPath) => void } = {},
  ) {
    this.#homes = [...homes];
    this.#about = about;
    this.#dirMode = options.dirMode;
    this.#beginning = options.beginning;
  }

  /** Where it lies; undefined as long as it holds nothing. */
  get path(): OsPath | undefined {
    return this.#path;
  }

  /** Moves an object, or what lies among objects, out of its cache. Absence is no error. @throws the file system's error */
  take(cache: ObjectDb, path: OsPath, size: number): void {
    const rel = join(OBJECTS, cache.layout, relative(cache.folder, path));
    if (!this.#move(cache.folder, path, rel)) return;
    this.#objects++;
    this.#bytes += size;
  }

  /** Where a file or folder of the workspace will lie that is about to come; the bin is made. */
  placeFor(path: OsPath, name: string): OsPath {
    const bin = this.#path ?? this.#begin(path);
    for (let n = 0; ; n++) {
      const at = join(bin, FILES, n === 0 ? name : `${name}.${String(n)}`);
      if (lstatSync(at, { throwIfNoEntry: false }) !== undefined) continue;
      this.#makeFolder(dirname(at));
      return at;
    }
  }

  /** Moves a file or folder of the workspace `root` to its place here, by {@link placeFor}. */
  keep(root: OsPath, path: OsPath, at: OsPath): OsPath {
    const { size } = lstatSync(path);
    this.#heldBelow(root).in(path, (from) => {
      renameSync(from, at);
    });
    this.#objects++;
    this.#bytes += size;
    return at;
  }

  /** Notes what it holds. */
  finish(): TrashTotal {
    for (const held of this.#held.values()) held.close();
    if (this.#path !== undefined) this.#write(this.#path);
    return { objects: this.#objects, bytes: this.#bytes };
  }

  #move(home: OsPath, from: OsPath, rel: string): boolean {
    for (;;) {
      const to = join(this.#path ?? this.#begin(from), rel);
      this.#makeFolder(dirname(to));
      try {
        this.#heldBelow(home).in(from, (at) => {
          renameSync(at, to);
        });
        return true;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT" && lstatSync(from, { throwIfNoEntry: false }) === undefined) return false;
        // Another mount of the same disk: the next place, as long as nothing lies in this one.
        if (code !== "EXDEV" || this.#objects > 0 || this.#homes.length < 2) throw error;
        rmSync(this.#path ?? "", { recursive: true });
        this.#path = undefined;
        this.#made.clear();
        this.#homes.shift();
      }
    }
  }

  #heldBelow(home: OsPath): HeldFolders {
    let held = this.#held.get(home);
    if (held === undefined) this.#held.set(home, (held = new HeldFolders(home)));
    return held;
  }

  #begin(from: OsPath): OsPath {
    const device = lstatSync(from, { throwIfNoEntry: false })?.dev ?? statSync(dirname(from)).dev;
    while (this.#homes.length > 1 && deviceOf(this.#homes[0] ?? "") !== device) this.#homes.shift();
    const home = this.#homes[0] ?? "";
    const stamp = new Date(this.#at).toISOString().replace(/\D/g, "");
    for (let n = 0; ; n++) {
      const path = join(home, `${stamp}-${String(process.pid)}${n === 0 ? "" : `-${String(n)}`}`);
      if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) continue;
      this.#beginning?.(path);
      this.#makeFolder(path);
      this.#write(path);
      this.#path = path;
      return path;
    }
  }

  #write(path: OsPath): void {
    const record: TrashRecord = { at: this.#at, ...this.#about, objects: this.#objects, bytes: this.#bytes };
    writeFileAtomic(join(path, RECORD), `${JSON.stringify(record)}\n`);
  }

  #makeFolder(folder: OsPath): void {
    if (this.#made.has(folder)) return;
    this.#made.add(folder);
    makeObjectFolder(folder, this.#dirMode);
  }
}

/** The device of the nearest folder above that exists. */
function deviceOf(folder: OsPath): number | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat !== undefined || at === dirname(at)) return stat?.dev;
  }
}

/**
 * All bins of these trash folders, newest first. A repository may hold what looks like a trash: what leads elsewhere by a link
 * is no bin, since a bin is emptied without a question.
 */
export function readTrash(homes: readonly OsPath[]): TrashBin[] {
  const bins = new Map<string, TrashBin>();
  for (const home of new Set(homes)) {
    for (const id of namesIn(home)) {
      const path = join(home, id);
      if (BIN.test(id) && isOwnFolder(path)) bins.set(path, { id, path, record: readRecord(path) });
    }
  }
  return [...bins.values()].sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0));
}

/** Whether a bin, and the folders of its objects, are folders and not links. */
function isOwnFolder(bin: OsPath): boolean {
  const parts = ["", OBJECTS, ...LAYOUTS.map((layout) => join(OBJECTS, layout))];
  return !parts.some((part) => isLink(join(bin, part)));
}

function isLink(path: OsPath): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function readRecord(path: OsPath): TrashRecord | undefined {
  try {
    const value = JSON.parse(readPlainText(join(path, RECORD)) ?? "") as Partial<Record<keyof TrashRecord, unknown>>;
    const { at, command, project, objects, bytes } = value;
    if (typeof at !== "number" || typeof command !== "string" || typeof project !== "string") return undefined;
    if (typeof objects !== "number" || typeof bytes !== "number") return undefined;
    return { at, command, project, objects, bytes };
  } catch {
    return undefined;
  }
}

/** When a bin was begun, ms since the epoch: by its record, else by its name. */
export function beganAt({ id, record }: TrashBin): number {
  if (record !== undefined) return record.at;
  const [, year, month, day, hour, minute, second, ms] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})/.exec(id)?.map(Number) ?? [];
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second, ms);
}

/** Whether a bin holds objects of a cache, not only files of a workspace. */
export function holdsObjects(bin: TrashBin): boolean {
  return namesIn(join(bin.path, OBJECTS)).length > 0;
}

/** Whether the object lies in a bin: one look for each layout. */
export function binHas(bin: TrashBin, oid: string): boolean {
  if (!isOid(oid)) return false;
  return LAYOUTS.some(
    (layout) =>
      statSync(join(bin.path, OBJECTS, layout, oid.slice(0, 2), oid.slice(2)), { throwIfNoEntry: false }) !== undefined,
  );
}

/** Deletes these objects from a bin for good; a bin in which nothing is left goes. */
export function dropFromBin(bin: TrashBin, oids: Iterable<string>): void {
  for (const oid of oids) {
    if (!isOid(oid)) continue;
    for (const layout of LAYOUTS) {
      const shard = join(bin.path, OBJECTS, layout, oid.slice(0, 2));
      if (!isLink(shard)) rmSync(join(shard, oid.slice(2)), { force: true });
    }
  }
  if (weigh(bin).objects === 0) dropBin(bin);
}

/** Deletes for good what a bin took of one path of the workspace; `name` as given to {@link FillingBin.placeFor}. */
export function dropFiles(bin: TrashBin, name: string): void {
  const files = join(bin.path, FILES);
  const folder = dirname(join(files, name));
  if (!isStrictlyInside(files, join(files, name))) return;
  for (let at = folder; at !== bin.path; at = dirname(at)) if (isLink(at)) return;
  const [base, ...rest] = [basename(name), ...namesIn(folder)];
  for (const one of rest)
    if (one === base || (one.startsWith(`${base}.`) && /^\d+$/.test(one.slice(base.length + 1))))
      rmSync(join(folder, one), { recursive: true, force: true });
  dropIfEmptyBin(bin, join(folder, base));
}

/** Drops the bin that held `path` when nothing is left in it. `homes`: trash folders. */
export function dropIfEmpty(homes: readonly OsPath[], path: OsPath): void {
  for (const bin of readTrash(homes)) if (isStrictlyInside(bin.path, path)) dropIfEmptyBin(bin, path);
}

function dropIfEmptyBin(bin: TrashBin, path: OsPath): void {
  for (let at = dirname(path); at !== bin.path; at = dirname(at)) removeEmpty(at);
  if (namesIn(bin.path).every((name) => name === RECORD)) dropBin(bin);
}

/** Counts what lies in a bin, looking at each file. */
export function weigh(bin: TrashBin): TrashTotal {
  let [objects, bytes] = [0, 0];
  for (const path of filesBelow(bin.path)) {
    if (path === join(bin.path, RECORD)) continue;
    objects++;
    bytes += lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return { objects, bytes };
}

function* filesBelow(folder: OsPath): Iterable<OsPath> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/**
 * Brings the objects of a bin back into their caches, each by one rename; an object that is there again, and sound, makes the
 * one in the bin superfluous. A bin in which nothing is left goes. Killed in between, a second call does the rest.
 * @throws the file system's error
 */
export function restoreObjects(bin: TrashBin, caches: readonly ObjectDb[]): TrashTotal {
  let [objects, bytes] = [0, 0];
  for (const cache of caches) {
    const home = join(bin.path, OBJECTS, cache.layout);
    for (const shard of namesIn(home)) {
      for (const name of namesIn(join(home, shard))) {
        const from = join(home, shard, name);
        const size = lstatSync(from, { throwIfNoEntry: false })?.size ?? 0;
        if (!cache.takeBack(from, shard, name)) continue;
        objects++;
        bytes += size;
      }
      removeEmpty(join(home, shard));
    }
    removeEmpty(home);
  }
  removeEmpty(join(bin.path, OBJECTS));
  if (namesIn(bin.path).every((name) => name === RECORD)) dropBin(bin);
  return { objects, bytes };
}

/** Deletes a bin with all it holds; its record last, so that what a kill leaves is still a bin. */
export function dropBin(bin: TrashBin): void {
  for (const name of namesIn(bin.path))
    if (name !== RECORD) rmSync(join(bin.path, name), { recursive: true, force: true });
  try {
    unlinkSync(join(bin.path, RECORD));
  } catch {
    // A kill took it, or it was never written.
  }
  removeEmpty(bin.path);
}

function removeEmpty(folder: OsPath): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something is in it, or it is gone.
  }
}

/** What a folder holds; nothing when it is none, or a link. */
function namesIn(folder: OsPath): string[] {
  const names = namesIfThere(folder);
  return names.length === 0 || isLink(folder) ? [] : names.sort();
}
