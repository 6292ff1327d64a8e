import type { BigIntStats } from "node:fs";
import { lstatSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import { isDirHash, isOid } from "../hash/hashInfo.ts";
import { EMPTY_MD5, md5File } from "../hash/md5.ts";
import { temporaryPath } from "../fs/atomic.ts";
import { firstLinkType, type LinkType } from "../odb/linker.ts";
import { OBJECT_MODE } from "../odb/objectFile.ts";
import { sortByCodePoint } from "../base/codePoints.ts";
import { hashFound } from "./hashFound.ts";
import { FileJobs } from "./fileJobs.ts";
import type { ItemWork, Plan, PlanItem, PlanOptions, Stamp, Wanted } from "./plan.ts";
import { type FolderLook, lookAtFolder } from "./folderLook.ts";
import { guardPath } from "./planGuard.ts";
import type { FoundFile } from "./planScan.ts";
import { foldersOf, scanWorkspace } from "./planScan.ts";
import { wantedOf, type WantedFiles } from "./wantedFiles.ts";

export type { Plan, PlanOptions, Wanted } from "./plan.ts";
export { applyPlan } from "./apply.ts";

const OWNER_EXEC = 0o100n;
/**
 * From so many new files on, their objects are looked at by whoever builds the files: by two threads, and for a copy in
 * passing. For 20,000 files the look costs 0.12 s of one thread.
 */
const LOOK_LATER_FROM = 1000;
/** A link target that looks like an object of some cache. */
const OBJECT_PATH = /[\\/][0-9a-f]{2}[\\/][0-9a-f]{30}$/;

/**
 * Compares what should be in the workspace with what is there; changes nothing but the state (hashes learned on the way).
 * Outputs keep their order. An output that cannot be restored in full is in `missing` and left as it is.
 * @throws {UnsafePathError} for an output that lies outside of the root, in `.git` or `.dvc`, or behind a link that leaves.
 * @throws {FormatError} for a manifest that is none.
 */
export function planCheckout(wanted: readonly Wanted[], options: PlanOptions): Plan {
  const unsaved: OsPath[] = [];
  const missing: Plan["missing"] = [];
  const items: PlanItem[] = [];
  for (const one of wanted) {
    options.signal?.throwIfAborted();
    const look = lookFirst(one, options);
    if (look !== undefined && isAsWanted(one, look, options)) {
      items.push(emptyItem(one, false));
      continue;
    }
    const before =
      look?.isAsRecorded === true ? options.state.folders.get(one.path, options.cache.hashName)?.oid : undefined;
    items.push({ ...new ItemPlanner(one, options, unsaved, missing).plan(), before });
  }
  return { items, unsaved, missing, options };
}

/** The conditions of all files of a whole folder, with the hashes that are known without reading. */
function lookFirst(wanted: Wanted, options: PlanOptions): FolderLook | undefined {
  if (!isWholeFolder(wanted, options)) return undefined;
  const { cache, state } = options;
  guardPath(options.root, wanted.path);
  try {
    return lookAtFolder(wanted.path, options, state.folders.get(wanted.path, cache.hashName));
  } catch (error) {
    if (error instanceof DvcError) return undefined; // Something odd is in it: the careful way deals with that.
    throw error;
  }
}

/**
 * Whether the folder holds, by what is known of its files, exactly what is wanted: then no manifest need be read. What
 * was found is recorded, so that the next look is a short one.
 */
function isAsWanted(wanted: Wanted, look: FolderLook, { cache, state }: PlanOptions): boolean {
  const { path, hash, meta } = wanted;
  if (look.isAsRecorded) return state.folders.get(path, cache.hashName)?.oid === hash?.value;
  if (hash === undefined || look.isPartial || (meta.nfiles !== undefined && meta.nfiles !== look.count)) return false;
  if (hasEmptyFolders(look)) return false;
  const { files } = look;
  for (let i = 0; i < files.count; i++) {
    if (files.hasHash(i)) continue;
    const md5 = state.lookup("", files.condition(i), cache.hashName);
    if (md5 === undefined) return false;
    files.setHash(i, md5);
  }
  if (files.tree.oid !== hash.value) return false;
  state.folders.set(path, cache.hashName, look.record(hash.value));
  return true;
}

/** Folders without files stand in no manifest: a checkout removes them. */
function hasEmptyFolders({ files, folders }: FolderLook): boolean {
  const used = foldersOf(files.relpaths, true);
  return folders.some((folder) => !used.has(folder.slice(0, -1)));
}

function isWholeFolder({ path, hash, within }: Wanted, options: PlanOptions): boolean {
  if (hash === undefined || !isDirHash(hash.value) || within !== undefined || options.relink === true) return false;
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

class ItemPlanner {
  readonly #wanted: Wanted;
  readonly #options: PlanOptions;
  readonly #unsaved: OsPath[];
  readonly #missing: Plan["missing"];
  readonly #modify: RelPath[] = [];
  readonly #relink: RelPath[] = [];
  /** The link type of this output's files, once a file of it was looked at. */
  #firstType: LinkType | undefined;
  readonly #jobs = new FileJobs();
  readonly #removeFiles: { rel: RelPath; old: Stamp }[] = [];
  readonly #inTheWay = new Set<RelPath>();
  readonly #chmod: RelPath[] = [];
  readonly #absent: string[] = [];
  readonly #atRisk: OsPath[] = [];
  readonly #kept = new Set<RelPath>();
  /** Whether the cache of the other layout has anything, once that was asked for. */
  #hasOther: boolean | undefined;

  constructor(wanted: Wanted, options: PlanOptions, unsaved: OsPath[], missing: Plan["missing"]) {
    this.#wanted = wanted;
    this.#options = options;
    this.#unsaved = unsaved;
    this.#missing = missing;
  }

  plan(): PlanItem {
    const { path, within } = this.#wanted;
    guardPath(this.#options.root, within === undefined ? path : join(path, within));
    const wants = this.#wants();
    if (wants === undefined) return this.#planUnrecorded();
    const isFolder = !wants.has(".");
    const scan = scanWorkspace(path, {
      wants,
      within,
      isFolder,
      ignore: this.#options.ignore,
      signal: this.#options.signal,
    });
    for (const found of scan.files) this.#compare(found, wants.get(found.rel), scan.wantedFolders);
    this.#placeNew(wants, scan.seen);
    for (const rel of scan.inTheWay) {
      this.#inTheWay.add(rel);
      const oid = wants.get(rel);
      if (oid !== undefined) this.#place(rel, oid, undefined, this.#modify);
    }
    const isNew = lstatSync(path, { throwIfNoEntry: false }) === undefined;
    return this.#finish({ isFolder, isNew, folders: scan.folders, removeFolders: scan.extraFolders, displace: false });
  }

  /** The files that should be there; undefined when nothing is recorded, or the manifest is missing (then noted). */
  #wants(): WantedFiles | undefined {
    const { hash, within } = this.#wanted;
    if (hash === undefined) return undefined;
    if (!isDirHash(hash.value)) return new Map([[".", hash.value]]);
    const tree = this.#wanted.tree ?? this.#options.cache.readTree(hash.value);
    if (tree === undefined) {
      this.#absent.push(hash.value);
      return undefined;
    }
    if (within === undefined || within === ".") return wantedOf(tree);
    return new Map(tree.under(within).map((entry) => [entry.relpath, entry.md5]));
  }

  /** Nothing to compare with. What is there stays, unless nothing is recorded and the caller insists. */
  #planUnrecorded(): PlanItem {
    const { path, hash, within } = this.#wanted;
    const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    if (hash === undefined && isThere && within === undefined && this.#options.force !== true) {
      const none = new Map<RelPath, string>();
      const scan = scanWorkspace(path, {
        wants: none,
        within,
        isFolder: true,
        ignore: this.#options.ignore,
        signal: this.#options.signal,
      });
      for (const found of scan.files) this.#compare(found, undefined, scan.wantedFolders);
      this.#unsaved.push(...this.#atRisk);
    }
    this.#missing.push({ wanted: this.#wanted, oids: this.#absent });
    const displace = hash === undefined && isThere && within === undefined && this.#options.force === true;
    return emptyItem(this.#wanted, displace);
  }

  /** Compares a file that is there with what is wanted at its place. */
  #compare(found: FoundFile, oid: string | undefined, wantedFolders: ReadonlySet<RelPath>): void {
    const { cache, state, force, signal } = this.#options;
    // A broken link, a link to a folder, a pipe have no hash: only a dead link into a cache is no loss.
    const harmless = found.target === undefined ? isDeadCacheLink(found) : oid === undefined && force === true;
    const md5 = harmless ? undefined : hashFound(found, cache, state, signal);
    this.#settle(found, oid, md5, wantedFolders, harmless);
  }

  /** Decides what becomes of a file whose hash is now known (or cannot be: undefined). */
  #settle(
    found: FoundFile,
    oid: string | undefined,
    md5: string | undefined,
    wantedFolders: ReadonlySet<RelPath>,
    harmless = false,
  ): void {
    const { rel } = found;
    if (oid !== undefined && md5 === oid) {
      this.#keep(found, oid);
      return;
    }
    if (oid !== undefined) {
      if (!this.#place(rel, oid, found.stat, this.#modify)) return;
    } else {
      this.#removeFiles.push({ rel, old: found.stat });
      if (wantedFolders.has(rel)) this.#inTheWay.add(rel);
    }
    if (this.#options.force === true) {
      if (!isDeadCacheLink(found) && (md5 === undefined || this.#options.cache.check(md5) !== "ok"))
        this.#kept.add(rel);
      return;
    }
    // A checkout does not flush the workspace: a power loss soon after it empties files, and a second one puts that right.
    if (harmless || (oid !== undefined && md5 === EMPTY_MD5)) return;
    if (md5 === undefined || !(this.#options.cache.verify(md5) || this.#isInOther(found)))
      this.#atRisk.push(found.path);
  }

  /** Whether the cache of the other layout has what is there: it is recorded so in another commit. */
  #isInOther(found: FoundFile): boolean {
    const { otherCache, state, signal } = this.#options;
    if (otherCache === undefined || !(this.#hasOther ??= !otherCache.isEmpty())) return false;
    const md5 = hashFound(found, otherCache, state, signal);
    if (md5 === undefined || !otherCache.verify(md5)) return false;
    // The hash of DVC 2 passes over line ends.
    return otherCache.hashName === "md5" || md5File(otherCache.pathOf(md5)).md5 === md5File(found.path).md5;
  }

  /** The content is right: perhaps the link or the execute bit is not. */
  #keep(found: FoundFile, oid: string): void {
    const { rel, target } = found;
    if (this.#options.relink === true && !this.#isLinkedWell(found, oid)) {
      this.#place(rel, oid, found.stat, this.#relink);
      return;
    }
    if (this.#lacksExec(rel, target)) {
      this.#modify.push(rel);
      // A link shares its mode with the object, which must keep its own: it becomes a copy.
      if (found.isLink || found.stat.nlink > 1n) this.#place(rel, oid, found.stat, []);
      else this.#chmod.push(rel);
    }
  }

  #lacksExec(rel: RelPath, target: BigIntStats | undefined): boolean {
    return (
      rel === "." && this.#wanted.meta.isexec === true && target !== undefined && (target.mode & OWNER_EXEC) === 0n
    );
  }

  #isLinkedWell(found: FoundFile, oid: string): boolean {
    const { cache } = this.#options;
    const isexec = found.rel === "." && this.#wanted.meta.isexec === true;
    const isOwn = !found.isLink && found.stat.nlink === 1n;
    if (this.#options.keepExec === true && isOwn && (found.stat.mode & OWNER_EXEC) !== 0n) return true;
    this.#firstType ??= firstLinkType(cache.linkTypes, cache.pathOf(oid), temporaryPath(found.path));
    const isCopy = isexec || (found.stat.size === 0n && this.#firstType !== "symlink");
    const type: LinkType = isCopy ? "copy" : this.#firstType;
    switch (type) {
      case "symlink":
        return found.isLink && readlinkSync(found.path) === cache.pathOf(oid);
      case "hardlink": {
        if (found.isLink || found.stat.nlink < 2n) return false;
        const object = statSync(cache.pathOf(oid), { bigint: true, throwIfNoEntry: false });
        return object !== undefined && object.ino === found.stat.ino && object.dev === found.stat.dev;
      }
      case "reflink":
      case "copy":
        return isOwn && (found.stat.mode & 0o200n) !== 0n;
    }
  }

  /** Notes the files of which nothing is there. */
  #placeNew(wants: WantedFiles, seen: ReadonlySet<RelPath>): void {
    if (seen.size === 0) this.#jobs.expect(wants.size);
    const later = wants.size - seen.size >= LOOK_LATER_FROM && this.#mayLookLater();
    for (const [rel, oid] of wants) {
      if (seen.has(rel)) continue;
      if (later && isOid(oid))
        this.#jobs.add({ rel, oid, size: undefined, trusted: false, old: undefined, isNew: true });
      else this.#place(rel, oid, undefined, undefined);
    }
  }

  /** Whether nothing of what the plan says depends on which objects are there: not what would be lost, not the counts. */
  #mayLookLater(): boolean {
    const { cache, allowMissing } = this.#options;
    return cache.hashName === "md5" && allowMissing !== true && this.#atRisk.length === 0;
  }

  /** Notes a file to be put in place, in `list` too (none: a new one); false when its object is missing. */
  #place(rel: RelPath, oid: string, old: Stamp | undefined, list: RelPath[] | undefined): boolean {
    const { cache } = this.#options;
    const path = cache.pathOf(oid);
    let stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined && (Number(stat.mode) & 0o7777) !== OBJECT_MODE) {
      // DVC's sign that somebody may have edited it. The check gives it its mode back, or takes it away.
      if (!cache.verify(oid)) stat = undefined;
    }
    let trusted = stat !== undefined && (cache.isFresh(oid) || cache.knows(oid, path, stat));
    if (stat !== undefined && !trusted && cache.hashName !== "md5") {
      trusted = cache.verify(oid);
      if (!trusted) stat = undefined;
    }
    if (stat === undefined) {
      this.#absent.push(oid);
      return false;
    }
    this.#jobs.add({ rel, oid, size: Number(stat.size), trusted, old, isNew: list === undefined });
    list?.push(rel);
    return true;
  }

  #finish(scan: {
    isFolder: boolean;
    isNew: boolean;
    folders: ReadonlySet<RelPath>;
    removeFolders: readonly RelPath[];
    displace: boolean;
  }): PlanItem {
    if (this.#absent.length > 0) {
      this.#missing.push({ wanted: this.#wanted, oids: this.#absent });
      // All or nothing: a folder with holes would be taken for the real one.
      if (this.#options.allowMissing !== true || !scan.isFolder || this.#jobs.length === 0)
        return emptyItem(this.#wanted, false);
    }
    this.#unsaved.push(...this.#atRisk);
    const remove = [
      ...this.#removeFiles.map(({ rel }) => rel).filter((rel) => !this.#inTheWay.has(rel)),
      ...scan.removeFolders,
    ];
    const changed =
      this.#jobs.created.length + this.#modify.length + this.#removeFiles.length + scan.removeFolders.length > 0;
    const work: ItemWork = {
      jobs: this.#jobs,
      removeFiles: this.#removeFiles,
      removeFolders: scan.removeFolders,
      inTheWay: this.#inTheWay,
      folders: scan.folders,
      chmod: this.#chmod,
      isFolder: scan.isFolder,
      keep: this.#kept,
      displace: scan.displace,
    };
    return {
      wanted: this.#wanted,
      before: undefined,
      create: this.#jobs.created,
      modify: this.#modify,
      remove: sortByCodePoint(remove),
      relink: this.#relink,
      change: scan.isNew ? this.#newChange(scan.isFolder) : changed ? "M" : undefined,
      work,
    };
  }

  /** A part of a folder that holds nothing is not created. */
  #newChange(isFolder: boolean): "A" | undefined {
    return this.#jobs.created.length > 0 || (isFolder && this.#wanted.within === undefined) ? "A" : undefined;
  }
}

function emptyItem(wanted: Wanted, displace: boolean): PlanItem {
  const none: RelPath[] = [];
  const work: ItemWork = {
    jobs: new FileJobs(),
    removeFiles: [],
    removeFolders: none,
    inTheWay: new Set(),
    folders: new Set(),
    chmod: none,
    isFolder: false,
    keep: new Set(),
    displace,
  };
  return { wanted, before: undefined, create: none, modify: none, remove: none, relink: none, change: undefined, work };
}

function isDeadCacheLink(found: FoundFile): boolean {
  return found.isLink && found.isBroken && OBJECT_PATH.test(readlinkSync(found.path));
}
