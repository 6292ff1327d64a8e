import type { BigIntStats, Stats } from "node:fs";
import {
  chmodSync,
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CorruptObjectError, DvcError, FormatError } from "../base/errors.ts";
import type { Reporter } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { isLeftover, removeQuietly, removeTreeQuietly, temporaryPath, writeAll } from "../fs/atomic.ts";
import { namesIfThere, namesIn } from "../fs/namesIn.ts";
import { ofFile } from "../base/ofFile.ts";
import { DIR_SUFFIX, isDirHash, isOid } from "../hash/hashInfo.ts";
import { EMPTY_MD5, md5Bytes, md5Dos2Unix, md5File } from "../hash/md5.ts";
import { lookAtCache, WORTH_A_LOOK } from "./cacheLooks.ts";
import { DigestSet } from "./digestSet.ts";
import type { LinkType } from "./linker.ts";
import { DEFAULT_LINK_TYPES } from "./linker.ts";
import { NamesToGive } from "./namesToGive.ts";
import { inShard } from "./heldShards.ts";
import { copyHashing, expectHash, OBJECT_MODE, sameFile, writeTemporary } from "./objectFile.ts";
import { makeObjectFolder } from "./objectFolder.ts";
import { listedOf } from "./listed.ts";
import { quarantine, QUARANTINE_FOLDER } from "./quarantine.ts";
import type { State } from "./state.ts";
import { MAX_MANIFEST_BYTES, Tree } from "./tree.ts";

/** Where objects lie below the root: `files/md5/<2>/<30>` or, for projects of DVC 2.x and older, `<2>/<30>`. */
export type CacheLayout = "3.x" | "legacy";

/** How a cache is opened. */
export interface ObjectDbOptions {
  readonly layout: CacheLayout;
  /** `cache.shared`: folders 2775, so that a group can write. */
  readonly shared?: "group";
  readonly state?: State;
  /** `cache.type`, in order of preference. */
  readonly linkTypes?: readonly LinkType[];
  /** Hash every object that the state does not know, whatever its mode. */
  readonly verify?: boolean;
  /** Hears of damaged objects. */
  readonly reporter?: Reporter;
  /** Where damaged objects go; a folder of the cache itself when it is not given, or on another file system. */
  readonly quarantine?: OsPath;
  /** Where removed objects go; a folder of the cache itself when it is not given, or on another file system. */
  readonly trash?: OsPath;
  readonly damage?: DamageRule;
  /** Whether only who holds the project's lock, on this machine or another, stores anything here. Without it nobody knows. */
  readonly isOwn?: () => boolean;
}

/** What is to be heeded before a damaged object is taken out of the cache. */
export interface DamageRule {
  /** It stays where it is: the command only looks. */
  isLeft(): boolean;
  /** Gives links to the object that somebody edited it through a file of their own. @returns their paths */
  free(object: OsPath): readonly OsPath[];
}

/** Options of {@link ObjectDb.addFile}. */
export interface AddFileOptions {
  /** The file's stat from before its hash was computed: as long as it still has it, it is not hashed again. */
  readonly hashedAt?: BigIntStats;
  readonly signal?: AbortSignal;
}

/** Name of the folder that keeps removed objects for a while: in `.dvc/tmp`, or in an external cache. DVC passes over both. */
export const TRASH_FOLDER = "trash";
const PERMISSIONS = 0o7777;
/** Name of a folder of objects. */
export const SHARD: RegExp = /^[0-9a-f]{2}$/;
/** Objects of at least this many bytes are remembered as stored by us. */
const WORTH_NOTING = 8 * 1024 * 1024;
/** From this many questions on, listing the folders is cheaper than one stat each. */
const LIST_FROM = 2000;

/**
 * The local cache: files named by the md5 of their bytes, read-only, never overwritten. Nothing gets its final name
 * before its bytes are known to be right and safe on disk; a crash leaves at most a temporary file, which `gc` recognises.
 * What is stored file by file has its name after {@link ObjectDb.flush} at the latest, so that many are flushed at once.
 */
export class ObjectDb {
  readonly root: OsPath;
  readonly layout: CacheLayout;
  readonly hashName: "md5" | "md5-dos2unix";
  /** The folder of the 256 folders. */
  readonly folder: OsPath;
  readonly linkTypes: readonly LinkType[];
  /** Permission bits for new folders; undefined leaves them to the umask. */
  readonly dirMode: number | undefined;
  /** Where damaged objects go: the first of these on the cache's file system. */
  readonly quarantines: readonly OsPath[];
  /** Where removed objects go: the first of these on the cache's file system. */
  readonly trashes: readonly OsPath[];
  readonly #options: ObjectDbOptions;
  readonly #made = new Set<string>();
  #isCleared = false;
  /** The manifest read last, which most commands ask for more than once. */
  #lastTree: { readonly oid: string; readonly stat: Stats; readonly tree: Tree } | undefined;
  /** Manifests that files of the project list. */
  readonly #trees = new Map<string, Tree>();
  /** Stored by this process with bytes that it had just compared with their name. */
  readonly #fresh: DigestSet = new DigestSet();
  /** Damaged ones that stay where they are, with the hashes that they really have. */
  readonly #left = new Map<string, string>();
  /** Stored since the last {@link flush}, without their names. */
  readonly #names: NamesToGive = new NamesToGive();

  constructor(root: OsPath, options: ObjectDbOptions) {
    this.root = root;
    this.layout = options.layout;
    this.hashName = options.layout === "3.x" ? "md5" : "md5-dos2unix";
    this.folder = options.layout === "3.x" ? join(root, "files", "md5") : root;
    this.linkTypes = options.linkTypes ?? DEFAULT_LINK_TYPES;
    this.dirMode = options.shared === "group" ? 0o2775 : undefined;
    const own = join(root, QUARANTINE_FOLDER);
    this.quarantines = options.quarantine === undefined ? [own] : [options.quarantine, own];
    const ownTrash = join(root, TRASH_FOLDER);
    this.trashes = options.trash === undefined ? [ownTrash] : [options.trash, ownTrash];
    this.#options = options;
  }

  /** Where the object lies, or would. @throws {DvcError} when `oid` is not 32 hex digits with or without `.dir`. */
  pathOf(oid: string): OsPath {
    if (!isOid(oid)) throw new DvcError(`'${oid}' is not a valid object id`, { code: "corrupt-object" });
    return `${this.folder}/${oid.slice(0, 2)}/${oid.slice(2)}`;
  }

  /**
   * Whether the object is there and may be used. Mode exactly 0444 is trusted, as in DVC; otherwise, or with the option
   * `verify`, it is hashed, unless the state knows it. A damaged one is moved to the quarantine and named in a warning.
   */
  check(oid: string): "ok" | "missing" | "corrupt" {
    const path = this.pathOf(oid);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return "missing";
    const trusted = stat.isFile() && (stat.mode & PERMISSIONS) === OBJECT_MODE && this.#options.verify !== true;
    if (trusted && !impossiblySized(oid, stat)) return "ok";
    return this.verify(oid) ? "ok" : "corrupt";
  }

  /**
   * Whether the object's bytes have the hash that names it: the state answers when it knows the file in this very
   * condition, else it is hashed. A damaged one is quarantined, a sound one gets mode 0444 back and is remembered.
   * False also when it is missing.
   */
  verify(oid: string): boolean {
    const path = this.pathOf(oid);
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (this.knows(oid, path, stat)) return true;
    const before = Date.now();
    const actual = stat.isFile() ? this.#hash(path, oid) : "not a file";
    if (actual === oid) {
      this.#protect(path, oid, before);
      return true;
    }
    this.setAside(oid, actual);
    return false;
  }

  /** Whether the state vouches that this file, in the condition `stat`, holds the bytes of `oid`. */
  knows(oid: string, path: OsPath, stat: BigIntStats): boolean {
    return this.#options.state?.lookup(path, stat, this.hashName) === oid.slice(0, 32);
  }

  /** Says that this process has just stored these objects, their bytes compared with their names. */
  noteFresh(oids: Iterable<string>): void {
    for (const oid of oids) if (!isDirHash(oid)) this.#fresh.add(oid);
  }

  /** Whether this process stored the object a moment ago: a checkout need not hash it again. */
  isFresh(oid: string): boolean {
    return !isDirHash(oid) && this.#fresh.has(oid);
  }

  /**
   * Moves a damaged object to the quarantine and says so; names it only while a command just looks. What was edited through a
   * link of the workspace stays there.
   * @returns where it lies now; undefined when it was gone, or stays.
   */
  setAside(oid: string, actual: string): OsPath | undefined {
    if (this.#options.damage?.isLeft() !== true) return this.#takeAway(oid, actual);
    if (!this.#left.has(oid)) this.#warn(`${this.#damageText(oid, actual)} It was left there.`);
    this.#left.set(oid, actual);
    return undefined;
  }

  #takeAway(oid: string, actual: string): OsPath | undefined {
    const path = this.pathOf(oid);
    const freed = this.#options.damage?.free(path) ?? [];
    const kept = quarantine(this.quarantines, path, oid);
    if (kept === undefined) return undefined;
    const files = freed.length === 0 ? "" : ` What was edited is a file of its own now: ${shortList(freed)}.`;
    this.#warn(`${this.#damageText(oid, actual)} It was moved to '${kept}'.${files}`);
    return kept;
  }

  #damageText(oid: string, actual: string): string {
    return `corrupted cache file '${this.pathOf(oid)}' (its content has the hash ${actual}).`;
  }

  #warn(text: string): void {
    this.#options.reporter?.emit({ type: "message", level: "warning", text });
  }

  /** The hash that the object's bytes really have, by the rule of this layout; nothing is remembered or moved. @throws the file system's error */
  actualHash(oid: string): string {
    return this.#hash(this.pathOf(oid), oid);
  }

  /**
   * The manifest of a folder; its bytes are verified against its name. Undefined when it is missing or was damaged.
   * @throws {FormatError} when it is not a manifest, {UnsafePathError} when it holds a path it may not.
   */
  readTree(oid: string): Tree | undefined {
    const path = this.pathOf(oid);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return this.#trees.get(oid);
    // It may be sound: nothing says that it is not.
    if (stat.size > MAX_MANIFEST_BYTES) throw new FormatError(`'${path}' is too large to be read`, { file: path });
    if (!stat.isFile()) {
      this.setAside(oid, "not a manifest");
      return undefined;
    }
    const known = this.#lastTree;
    if (known?.oid === oid && isUntouched(known.stat, stat)) return known.tree;
    const bytes = ofFile(path, () => readFileSync(path));
    const actual = md5Bytes(bytes) + DIR_SUFFIX;
    if (actual !== oid) {
      this.setAside(oid, actual);
      return undefined;
    }
    const tree = Tree.parse(bytes, path);
    this.#lastTree = { oid, stat, tree };
    return tree;
  }

  /** The manifest, or undefined for one that is missing or damaged: nothing is changed or said. @throws as {@link readTree} */
  peekTree(oid: string): Tree | undefined {
    const path = this.pathOf(oid);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return this.#trees.get(oid);
    if (!stat.isFile() || stat.size > MAX_MANIFEST_BYTES) return undefined;
    const bytes = ofFile(path, () => readFileSync(path));
    return md5Bytes(bytes) + DIR_SUFFIX === oid ? Tree.parse(bytes, path) : undefined;
  }

  /** Makes a manifest known that a `.dvc` file or dvc.lock lists itself: it can be read though it is not stored. */
  noteTree(tree: Tree): void {
    this.#trees.set(tree.oid, tree);
  }

  /** Stores a manifest, which has its name at once. Its files should be stored before. */
  addTree(tree: Tree): void {
    this.addBytes(tree.oid, tree.serialize());
  }

  /**
   * Stores bytes, which have their name at once; does nothing when the object is there. For a few. `verified`: the caller
   * has just hashed exactly these bytes.
   * @throws {CorruptObjectError} when they do not have that hash.
   */
  addBytes(oid: string, bytes: Uint8Array, verified = false): void {
    const path = this.pathOf(oid);
    if (this.#present(oid, path, bytes.byteLength)) return;
    if (!verified && this.hashName === "md5") expectHash(path, oid, md5Bytes(bytes));
    this.#place(oid, (temporary) => {
      writeTemporary(temporary, (fd) => {
        writeAll(fd, bytes);
        fsyncSync(fd);
      });
      this.#names.giveNow({ temporary, path });
    });
    this.noteStored(oid, bytes.byteLength);
  }

  /**
   * Stores a file; does nothing when the object is there. The bytes are hashed on the way, unless `hashedAt` still fits.
   * @throws {CorruptObjectError} when they do not have that hash: the file changed. Nothing is stored.
   */
  addFile(from: OsPath, oid: string, options: AddFileOptions = {}): void {
    const path = this.pathOf(oid);
    const source = openSync(from, "r");
    try {
      const before = fstatSync(source, { bigint: true });
      if (this.#present(oid, path, Number(before.size))) return;
      const trusted = options.hashedAt !== undefined && sameFile(before, options.hashedAt);
      const check = !trusted && this.hashName === "md5";
      this.#place(oid, (temporary) => {
        const { md5, size } = writeTemporary(temporary, (fd) =>
          copyHashing({ fd: source, path: from }, fd, { ...options, skipHash: !check }),
        );
        if (check) expectHash(from, oid, md5);
        if (trusted && !sameFile(before, fstatSync(source, { bigint: true })))
          throw new CorruptObjectError(`'${from}' was changed while it was stored`, {
            path: from,
            expected: oid,
            actual: "unknown",
          });
        this.#nameLater(temporary, path, oid, size);
      });
    } finally {
      closeSync(source);
    }
  }

  /**
   * Reads a file once: hashes and copies it together, and stores it under the hash it turns out to have. `.dir` is not
   * for this. Only for the 3.x layout.
   * @throws {DvcError} when the file changes meanwhile; nothing is stored.
   */
  ingest(
    from: OsPath,
    options: { signal?: AbortSignal; onBytes?: (count: number) => void } = {},
  ): { md5: string; size: number } {
    const temporary = this.temporaryFor();
    const source = openSync(from, "r");
    try {
      const before = fstatSync(source, { bigint: true });
      const copied = writeTemporary(temporary, (fd) => copyHashing({ fd: source, path: from }, fd, options));
      if (!sameFile(before, fstatSync(source, { bigint: true })))
        throw new DvcError(`'${from}' was changed while it was read`, { code: "io", hint: "Try again." });
      this.adopt(temporary, copied.md5, true);
      return copied;
    } finally {
      closeSync(source);
      removeQuietly(temporary);
    }
  }

  /**
   * A name for a temporary file that {@link adopt} can take: same file system, recognised by `gc`. Folder made. Without
   * `oid` it lies beside the object folders.
   */
  temporaryFor(oid?: string): OsPath {
    if (oid === undefined) this.clearLeft();
    const path = oid === undefined ? join(this.folder, "in") : this.pathOf(oid);
    this.#makeFolder(dirname(path));
    return temporaryPath(path);
  }

  /**
   * Removes what runs that have ended left beside the object folders: a killed `add` of a large file leaves as much. Once, and
   * only where nobody else stores anything; elsewhere `gc` does so, when it has lain idle.
   */
  clearLeft(): void {
    if (this.#isCleared) return;
    this.#isCleared = true;
    if (this.#options.isOwn?.() !== true) return;
    for (const name of namesIn(this.folder)) if (isLeftover(name)) removeTreeQuietly(join(this.folder, name));
  }

  /**
   * Stores a finished temporary file under its hash. Unless `verified`, it is hashed first.
   * @throws {CorruptObjectError} when it has another hash; the temporary file is left to the caller.
   */
  adopt(temporary: OsPath, oid: string, verified = false): void {
    const path = this.pathOf(oid);
    if (!verified) expectHash(path, oid, this.#hash(temporary, oid).slice(0, 32));
    const { size } = statSync(temporary);
    if (this.#present(oid, path, size)) {
      removeQuietly(temporary);
      return;
    }
    chmodSync(temporary, OBJECT_MODE);
    // The caller may forget its own name: the file waits under one of ours.
    const waiting = this.temporaryFor();
    renameSync(temporary, waiting);
    this.#makeFolder(dirname(path));
    this.#nameLater(waiting, path, oid, size);
  }

  /** Names of all objects. @throws the file system's error when any folder cannot be listed. */
  *names(): Iterable<string> {
    for (const prefix of namesIfThere(this.folder)) {
      if (!SHARD.test(prefix)) continue;
      for (const name of namesIfThere(join(this.folder, prefix))) if (isOid(prefix + name)) yield prefix + name;
    }
  }

  /** Whether it holds no object. @throws as {@link names} */
  isEmpty(): boolean {
    for (const _name of this.names()) return false;
    return true;
  }

  /** Bytes of an object; undefined when it is not there. */
  sizeOf(oid: string): number | undefined {
    return statSync(this.pathOf(oid), { throwIfNoEntry: false })?.size;
  }

  /**
   * Gives something from the trash its place among the objects again. What is there already stays when it is sound, or no
   * object; `from` is then removed, or stays.
   * @returns whether it has its place again.
   */
  takeBack(from: OsPath, shard: string, name: string): boolean {
    const oid = shard + name;
    const isObject = SHARD.test(shard) && isOid(oid);
    const path = isObject ? this.pathOf(oid) : join(this.folder, shard, name);
    if (isObject && this.check(oid) === "ok") {
      removeQuietly(from);
      return true;
    }
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false;
    this.#makeFolder(dirname(path));
    inShard(path, (at) => {
      renameSync(from, at);
    });
    return true;
  }

  /** Removes an object; absence is no error. */
  remove(oid: string): void {
    try {
      inShard(this.pathOf(oid), unlinkSync);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  /** Which of these are there by name: few by a stat each, many by listing. Says nothing of their bytes. */
  exists(oids: Iterable<string>): Set<string> {
    const wanted = oids instanceof Set ? (oids as Set<string>) : new Set(oids);
    const found = new Set<string>();
    if (wanted.size < LIST_FROM) {
      for (const oid of wanted) if (statSync(this.pathOf(oid), { throwIfNoEntry: false }) !== undefined) found.add(oid);
      return found;
    }
    return listedOf(wanted, (shard) => namesIfThere(join(this.folder, shard)));
  }

  /**
   * Whether every file of a large manifest was found here not long ago, and no name came or went since then; false when
   * that is not known.
   */
  isKnownWhole(oid: string, nfiles: number | undefined): boolean {
    const looks = this.#options.state?.cacheLooks;
    if (looks === undefined || nfiles === undefined || nfiles < WORTH_A_LOOK) return false;
    const moment = lookAtCache(this.folder, this.pathOf(oid));
    return moment !== undefined && looks.has(this.folder, oid, moment);
  }

  /** Which of these are there and pass {@link check}: one stat each, none where the folder is missing. Damaged ones go to the quarantine. */
  intact(oids: Iterable<string>): Set<string> {
    const found = new Set<string>();
    for (const [oid, isIntact] of this.#checked(oids)) if (isIntact) found.add(oid);
    return found;
  }

  /** The others, one by one. */
  *lacking(oids: Iterable<string>): Iterable<string> {
    for (const [oid, isIntact] of this.#checked(oids)) if (!isIntact) yield oid;
  }

  *#checked(oids: Iterable<string>): Iterable<[oid: string, isIntact: boolean]> {
    // In a new cache most folders are missing: one listing tells more than a stat for each object.
    let folders: ReadonlySet<string> | undefined;
    for (const oid of oids) {
      folders ??= new Set(namesIfThere(this.folder));
      yield [oid, folders.has(oid.slice(0, 2)) && this.check(oid) === "ok"];
    }
  }

  /**
   * Gives what was stored since the last call its names, once the bytes are safe on disk, and makes the names safe: to be
   * called before the text that names the objects is written, and after a failure, so that what was stored is not lost. A
   * few are flushed one by one (some 1-10 ms each), many by one sync of the file system.
   * @throws the file system's error; what could not be flushed has no name then.
   */
  flush(): void {
    this.#names.finishNow();
  }

  /** Whether the object is there, or waits for its name, and can be what it should be; what cannot be is set aside. */
  #present(oid: string, path: OsPath, size: number | undefined): boolean {
    if (this.#names.has(path)) return true;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    const isSized = size === undefined || this.hashName !== "md5" || stat.size === size;
    if (isSized && !this.#left.has(oid)) {
      if ((stat.mode & PERMISSIONS) === OBJECT_MODE && stat.isFile()) return true;
      if (this.check(oid) === "ok") return true;
    }
    // Also what a look has left there: the sound one takes its place.
    const unknown = `unknown, but its size is ${String(stat.size)} instead of ${String(size)}`;
    this.#takeAway(oid, this.#left.get(oid) ?? unknown);
    this.#left.delete(oid);
    return false;
  }

  /** Runs `work` with the path of a temporary file, which goes when it fails. */
  #place(oid: string, work: (temporary: OsPath) => void): void {
    this.#makeFolder(dirname(this.pathOf(oid)));
    const temporary = this.temporaryFor();
    try {
      work(temporary);
    } catch (error) {
      removeQuietly(temporary);
      throw error;
    }
  }

  #nameLater(temporary: OsPath, path: OsPath, oid: string, size: number): void {
    const onNamed = (): void => {
      this.noteStored(oid, size);
    };
    this.#names.add({ temporary, path, size, onNamed });
    this.#names.flushNowWhenDue();
  }

  /**
   * Remembers that this process has just stored these very bytes, so that a checkout need not hash them again. Only worth
   * it for large objects (`size` in bytes): small ones are hashed in the time that remembering takes.
   */
  noteStored(oid: string, size: number): void {
    if (size >= WORTH_NOTING) this.#options.state?.recordWritten(this.pathOf(oid), oid.slice(0, 32), this.hashName);
  }

  #makeFolder(folder: OsPath): void {
    if (this.#made.has(folder)) return;
    makeObjectFolder(folder, this.dirMode);
    this.#made.add(folder);
  }

  /** The hash of an object's bytes by the rule of this layout, with the suffix of `oid`. */
  #hash(path: OsPath, oid: string): string {
    const { md5 } = this.hashName === "md5" || isDirHash(oid) ? md5File(path) : md5Dos2Unix(path);
    return isDirHash(oid) ? md5 + DIR_SUFFIX : md5;
  }

  #protect(path: OsPath, oid: string, hashedFrom: number): void {
    try {
      const own = lstatSync(path);
      // Never through a link: its target is not ours, and may be a private file.
      if (own.isFile() && (own.mode & PERMISSIONS) !== OBJECT_MODE)
        inShard(path, (at) => {
          chmodSync(at, OBJECT_MODE);
        });
      const stat = statSync(path, { bigint: true });
      this.#options.state?.record(path, stat, oid.slice(0, 32), this.hashName, hashedFrom);
    } catch {
      // Somebody else's file in a shared cache, or a read-only disk: it is hashed again next time.
    }
  }
}

function isUntouched(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

function impossiblySized(oid: string, stat: Stats): boolean {
  return stat.size === 0 && oid !== EMPTY_MD5;
}

function shortList(paths: readonly OsPath[]): string {
  const rest = paths.length - 3;
  const named = paths.slice(0, 3).map((path) => `'${path}'`);
  return rest > 0 ? `${named.join(", ")} and ${String(rest)} more` : named.join(", ");
}
