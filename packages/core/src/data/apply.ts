import { chmodSync, lstatSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { waitUntil } from "../base/clockGrain.ts";
import { DvcError } from "../base/errors.ts";
import { startWorker } from "../base/threads.ts";
import { removeQuietly, removeTreeQuietly } from "../fs/atomic.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import { TextColumn } from "../base/textColumn.ts";
import { makeDurable } from "../odb/durable.ts";
import { OBJECT_MODE } from "../odb/objectFile.ts";
import { recordLink } from "./unusedLinks.ts";
import type { SharedColumns } from "./applyFiles.ts";
import { Control, EXEC, FileBuilder, LOOK, memory, MOST_NOTED, sharedColumns, VERIFY } from "./applyFiles.ts";
import type { FileBatch } from "./applyFiles.ts";
import { FileState, StampColumns, unsigned } from "./applyColumns.ts";
import { type NewFolder, noteNewFolder, recordInPlace } from "./applyRecord.ts";
import type { FileJobs } from "./fileJobs.ts";
import type { Plan, PlanItem, PlanOptions, Stamp } from "./plan.ts";
import { guardPath } from "./planGuard.ts";
import { displace, placeNew, removeFile, removeFolder, replaceFile } from "./swap.ts";
import { Workbench } from "./workbench.ts";
import { HeldFolders } from "../fs/heldFolders.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** How to apply. */
export interface ApplyOptions extends CallOptions {
  /** Called at named points of the work; for fault tests. */
  readonly onPoint?: (point: ApplyPoint) => void;
  /**
   * Moves something out of the workspace that is in no cache and has to go (`force`), and says where it lies now. Without it
   * such files are deleted.
   */
  readonly keep?: (path: OsPath) => OsPath | undefined;
  /** Flush what is new before it gets its place: something is computed from it at once, and recorded. */
  readonly durable?: boolean;
}

/** `staged`: the place to build is there; `built`: all new files are; `swapping`: before each change of the workspace. */
export type ApplyPoint = "staged" | "built" | "swapping" | "swapped";

const TASK = "checkout";
/** A second thread starts in some 30 ms; below this many files it does not pay. */
const THREAD_FROM = 5000;
/** More bytes than the name of a folder that is built aside has. */
const STAGED_NAME = 16;
/** How often the event loop gets its turn, and progress is told, in ms. */
const TURN_MS = 50;
/** Files so large are recorded even if that means to wait a tick of the clock. */
const LARGE_BYTES = 8 * 1024 * 1024;

/**
 * Does what the plan says, output by output: builds everything new in a folder aside, then swaps file by file or folder by
 * folder with one rename each, then removes what does not belong. Killed at any point it leaves every file either old or
 * new, and a second run finishes. Objects that turn out to be damaged are quarantined; their outputs are left as they were
 * and added to `plan.missing`. Records hashes and links in the state; the caller saves it.
 * @throws {DvcError} when a file changed since the plan was made, or no link type works; the file system's error when the
 * disk is full. On abort, rejects with the signal's reason between two files.
 */
export async function applyPlan(plan: Plan, options: ApplyOptions = {}): Promise<void> {
  const progress = new Progress(plan, options);
  const tmp = tmpOf(plan.options);
  const bench = new Workbench(tmp);
  const held = new HeldFolders(plan.options.root);
  try {
    for (const item of plan.items) {
      options.signal?.throwIfAborted();
      guardPath(plan.options.root, item.wanted.path);
      bench.clean(item.wanted.path);
      await new ItemApplier(plan, item, { tmp, bench, held }, options, progress).run();
    }
  } finally {
    held.close();
    bench.clear();
    progress.end();
  }
}

function tmpOf(options: PlanOptions): OsPath | undefined {
  if (options.tmp !== undefined) return options.tmp;
  const project = join(options.root, ".dvc");
  if (lstatSync(project, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  const tmp = join(project, "tmp");
  makeFolders(tmp);
  return tmp;
}

/** Something built aside that gets its place by one rename. */
interface Unit {
  /** Name in the staging folder. */
  readonly name: string;
  /** Relative to the output. */
  readonly rel: RelPath;
  readonly old: Stamp | undefined;
  /** Index of the only file of a unit that is a file. */
  readonly index: number | undefined;
}

/** Where to build, and where to put what has to go. */
interface Places {
  readonly tmp: OsPath | undefined;
  readonly bench: Workbench;
  readonly held: HeldFolders;
}

class ItemApplier {
  readonly #plan: Plan;
  readonly #item: PlanItem;
  readonly #places: Places;
  readonly #options: ApplyOptions;
  readonly #progress: Progress;
  readonly #jobs: FileJobs;
  #units: Unit[] = [];

  constructor(plan: Plan, item: PlanItem, places: Places, options: ApplyOptions, progress: Progress) {
    this.#plan = plan;
    this.#item = item;
    this.#places = places;
    this.#options = options;
    this.#progress = progress;
    this.#jobs = item.work.jobs;
  }

  async run(): Promise<void> {
    const { work, wanted } = this.#item;
    if (work.displace) {
      const to = this.#options.keep?.(wanted.path) ?? displace(wanted.path, this.#places.tmp);
      warn(this.#options, `'${wanted.path}' has no recorded hash and is in no cache. It was moved to '${to}'.`);
      return;
    }
    const isIdle = this.#jobs.length + work.removeFiles.length + work.removeFolders.length + work.chmod.length === 0;
    if (isIdle) {
      if (work.isFolder && this.#item.change === "A") this.#places.held.make(wanted.path);
      else if (this.#item.change === undefined && this.#plan.options.relink !== true) return;
    } else await this.#rebuild();
    this.#recordLink();
  }

  async #rebuild(): Promise<void> {
    if (this.#jobs.length === 0) {
      this.#clear();
      return;
    }
    const begun = Date.now();
    const staging = this.#places.bench.stagingFor(this.#item.wanted.path);
    const batch = this.#batch(`${staging}/`);
    this.#point("staged");
    await this.#build(batch);
    this.#point("built");
    const lacking = this.#lookClosely(batch);
    if (this.#options.durable === true && lacking.length === 0)
      makeDurable(
        staging,
        [...TextColumn.over(batch.names)].map((name) => join(staging, name)),
      );
    this.#recordHashed(batch);
    if (lacking.length > 0) {
      // All or nothing: the output stays as it was.
      this.#plan.missing.push({ wanted: this.#item.wanted, oids: lacking });
      for (const unit of this.#units) removeTreeQuietly(join(staging, unit.name));
      return;
    }
    const isWhole = !this.#plan.missing.some((one) => one.wanted === this.#item.wanted);
    const fresh = isWhole ? noteNewFolder(this.#item, batch, { plan: this.#plan.options, begun }) : undefined;
    if (fresh === undefined) {
      this.#swap(staging, batch);
      this.#recordBuilt(batch, Date.now());
      return;
    }
    this.#recordBuilt(batch, fresh.swapFrom);
    waitUntil(fresh.swapFrom);
    this.#swap(staging, batch);
    this.#recordFolder(fresh);
  }

  /** Decides where each file is built, and makes the folders for that. */
  #batch(staging: string): FileBatch {
    const names = this.#layOut(staging);
    const { cache, state } = this.#plan.options;
    const isexec = this.#item.wanted.meta.isexec === true;
    const jobs = this.#jobs;
    const isShared = jobs.length >= THREAD_FROM;
    const flags = new Uint8Array(memory(jobs.length, isShared));
    const sizes = new Float64Array(memory(jobs.length * 8, isShared));
    // Of a file, the output itself is the only one.
    const exec = isexec && jobs.length > 0 && jobs.relpaths.at(0) === "." ? EXEC : 0;
    let isAnyUnsure = false;
    let isAnyUnseen = false;
    for (let index = 0; index < jobs.length; index++) {
      const size = jobs.size(index);
      isAnyUnseen ||= size === undefined;
      isAnyUnsure ||= !jobs.isTrusted(index);
      flags[index] = (size === undefined ? LOOK : jobs.isTrusted(index) ? 0 : VERIFY) | exec;
      sizes[index] = size ?? NaN;
    }
    // What is built is recorded, and what is hashed: room for that is made when the records are read.
    if (isAnyUnseen) state.expect(jobs.length > MOST_NOTED ? jobs.length : 2 * jobs.length);
    const shared: SharedColumns = sharedColumns(jobs.length, isAnyUnsure, isShared);
    return {
      objects: cache.folder,
      digests: jobs.digests,
      staging,
      names: names.share,
      sizes,
      flags,
      known: isAnyUnseen ? state.share() : undefined,
      linkTypes: cache.linkTypes,
      fileMode: this.#places.bench.fileMode,
      shared,
    };
  }

  /** A folder that does not exist yet is built whole; a file in an existing folder is built by itself. */
  #layOut(staging: string): TextColumn {
    const { folders } = this.#item.work;
    const made = new Set<string>();
    const unitOf = new Map<RelPath, string>();
    const { relpaths } = this.#jobs;
    const names = TextColumn.empty(relpaths.joined.length + (relpaths.length + 1) * STAGED_NAME, relpaths.length);
    let index = 0;
    let lastFolder: RelPath | undefined;
    let lastStaged: string | undefined;
    for (const job of this.#jobs) {
      const slash = job.rel.lastIndexOf("/");
      const folder = slash < 0 ? "." : job.rel.slice(0, slash);
      if (folder !== lastFolder) {
        lastFolder = folder;
        const top = job.rel === "." ? undefined : topMissing(folder, folders);
        lastStaged = top === undefined ? undefined : this.#stagedFolder(staging, folder, top, unitOf, made);
      }
      if (lastStaged === undefined) {
        const name = this.#places.bench.nextName();
        this.#units.push({ name, rel: job.rel, old: job.old, index });
        names.push(name);
      } else names.push(`${lastStaged}/${job.rel.slice(slash + 1)}`);
      index++;
    }
    return names;
  }

  #stagedFolder(
    staging: string,
    folder: RelPath,
    top: RelPath,
    unitOf: Map<RelPath, string>,
    made: Set<string>,
  ): string {
    let name = unitOf.get(top);
    if (name === undefined) {
      name = this.#places.bench.nextName();
      unitOf.set(top, name);
      this.#units.push({ name, rel: top, old: undefined, index: undefined });
    }
    const rest = top === "." ? (folder === "." ? "" : folder) : folder.slice(top.length + 1);
    const staged = rest === "" ? name : `${name}/${rest}`;
    if (!made.has(staged)) {
      made.add(staged);
      makeFolders(staging + staged);
    }
    return staged;
  }

  async #build(batch: FileBatch): Promise<void> {
    const { signal } = this.#options;
    const worker = batch.names.count >= THREAD_FROM ? startWorker("data/applyWorker", batch) : undefined;
    const builder = new FileBuilder(batch, this.#places.bench.lanes);
    try {
      let turn = Date.now() + TURN_MS;
      while (builder.step()) {
        if (Date.now() < turn) continue;
        this.#progress.update(batch);
        await new Promise(setImmediate);
        signal?.throwIfAborted();
        turn = Date.now() + TURN_MS;
      }
      await worker?.finished;
      signal?.throwIfAborted();
    } catch (error) {
      Atomics.store(batch.shared.control, Control.stop, 1);
      await worker?.finished.catch(() => undefined);
      throw error;
    }
    this.#progress.done(batch);
  }

  /**
   * Judges what the threads left: sets damaged objects aside, gives sound ones their mode back and builds their files.
   * @returns the objects that are missing or damaged.
   */
  #lookClosely(batch: FileBatch): string[] {
    const { cache } = this.#plan.options;
    const lacking: string[] = [];
    const sound: number[] = [];
    for (let index = 0; index < this.#jobs.length; index++) {
      const state = batch.shared.states[index];
      if (state === FileState.Built) continue;
      const oid = this.#jobs.oid(index);
      // A damaged one is hashed again, in case it was only being changed or read wrongly; else it is set aside, and named.
      if (state === FileState.Damaged && !cache.verify(oid)) lacking.push(oid);
      else if (this.#isSound(batch, index)) sound.push(index);
      else lacking.push(oid);
    }
    if (lacking.length > 0 || sound.length === 0) return lacking;
    const builder = new FileBuilder(batch, this.#places.bench.lanes);
    const names = TextColumn.over(batch.names);
    for (const index of sound) {
      // Should a thread have died over it, half of it may be there.
      removeQuietly(batch.staging + names.at(index));
      batch.shared.states[index] = FileState.Waiting;
      builder.buildOne(index);
      if (batch.shared.states[index] !== FileState.Built) lacking.push(this.#jobs.oid(index));
    }
    return lacking;
  }

  /** Whether an object is there and as objects are, or can be made so; then its file can be built. */
  #isSound(batch: FileBatch, index: number): boolean {
    const { cache } = this.#plan.options;
    const oid = this.#jobs.oid(index);
    const stat = statSync(cache.pathOf(oid), { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if ((stat.mode & 0o7777) !== OBJECT_MODE && !cache.verify(oid)) return false;
    batch.sizes[index] = stat.size;
    batch.flags[index] = ((batch.flags[index] as number) & EXEC) | VERIFY;
    return true;
  }

  /** Remembers objects that were hashed and are sound. */
  #recordHashed(batch: FileBatch): void {
    const { cache, state } = this.#plan.options;
    const { hashed, states } = batch.shared;
    const stamps = new StampColumns(hashed);
    const rows: number[] = [];
    for (let index = 0; index < this.#jobs.length; index++)
      if (states[index] === FileState.Built && stamps.has(index)) rows.push(index);
    const asOf = Date.now();
    // The files are recorded soon, too: room for both is made once.
    state.expect(rows.length + this.#jobs.length);
    const columns = { stats: unsigned(hashed), digests: this.#jobs.digests };
    for (const row of rows) state.recordRow(columns, row, asOf, cache.hashName);
  }

  #swap(staging: OsPath, batch: FileBatch): void {
    const { wanted, work } = this.#item;
    guardPath(this.#plan.options.root, wanted.path);
    this.#clearWay();
    const { held } = this.#places;
    held.make(dirname(wanted.path));
    const built = new StampColumns(batch.shared.built);
    for (const unit of this.#units) {
      this.#point("swapping");
      const from = join(staging, unit.name);
      const to = this.#path(unit.rel);
      if (unit.old === undefined || work.inTheWay.has(unit.rel)) placeNew(from, to, held);
      else if (this.#isKept(unit.rel)) {
        this.#remove(unit.rel, unit.old);
        placeNew(from, to, held);
      } else replaceFile(from, to, unit.old, held);
      // A rename moves the change time of a file, so that what was noted when it was built is out of date.
      if (unit.index !== undefined) built.set(unit.index, statSync(to, { bigint: true }));
    }
    this.#clear();
    this.#point("swapped");
  }

  /** Removes files where folders come and folders where files come. */
  #clearWay(): void {
    const { work } = this.#item;
    if (work.inTheWay.size === 0) return;
    for (const { rel, old } of work.removeFiles) {
      if (!this.#isInTheWay(rel)) continue;
      this.#point("swapping");
      this.#remove(rel, old);
    }
    for (const rel of work.removeFolders) if (this.#isInTheWay(rel)) removeFolder(this.#path(rel), this.#places.held);
    for (const rel of work.inTheWay) {
      const path = this.#path(rel);
      if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
      if (!removeFolder(path, this.#places.held))
        throw new DvcError(`'${path}' is to become a file, but holds files that are ignored`, {
          code: "unsaved-files",
          hint: "Move them away and run the command again.",
        });
    }
  }

  /** Whether this, or a folder above it, must go before something else can take its place. */
  #isInTheWay(rel: RelPath): boolean {
    const { inTheWay } = this.#item.work;
    if (inTheWay.size === 0) return false;
    if (inTheWay.has(".")) return true;
    for (let at = rel; ;) {
      if (inTheWay.has(at)) return true;
      const slash = at.lastIndexOf("/");
      if (slash < 0) return false;
      at = at.slice(0, slash);
    }
  }

  #isKept(rel: RelPath): boolean {
    return this.#options.keep !== undefined && this.#item.work.keep.has(rel);
  }

  #remove(rel: RelPath, old: Stamp): void {
    removeFile(this.#path(rel), old, this.#places.held, this.#isKept(rel) ? this.#options.keep : undefined);
  }

  /** Removes what does not belong; sets execute bits. */
  #clear(): void {
    const { work } = this.#item;
    for (const { rel, old } of work.removeFiles) {
      if (this.#isInTheWay(rel)) continue;
      this.#point("swapping");
      this.#remove(rel, old);
    }
    for (const rel of work.removeFolders) if (!this.#isInTheWay(rel)) removeFolder(this.#path(rel), this.#places.held);
    for (const rel of work.chmod) {
      this.#places.held.in(this.#path(rel), (at) => {
        chmodSync(at, (statSync(at).mode & 0o7777) | 0o100);
      });
    }
  }

  /** Remembers the new files. `asOf`: time in ms; whoever edits one does so later, or earlier than it was looked at. */
  #recordBuilt(batch: FileBatch, asOf: number): void {
    const { state, cache } = this.#plan.options;
    const jobs = this.#jobs;
    const columns = { stats: unsigned(batch.shared.built), digests: jobs.digests };
    state.expect(jobs.length);
    for (let row = 0; row < jobs.length; row++) {
      if ((batch.sizes[row] as number) < LARGE_BYTES) state.recordRow(columns, row, asOf, cache.hashName);
      else state.recordWritten(this.#path(jobs.relpaths.at(row)), jobs.oid(row), cache.hashName);
    }
  }

  /** Remembers a new folder as a whole. */
  #recordFolder(fresh: NewFolder): void {
    const { state, cache } = this.#plan.options;
    const { path } = this.#item.wanted;
    const record = recordInPlace(path, fresh);
    if (record !== undefined) state.folders.set(path, cache.hashName, record);
  }

  /** So that it can be told apart, and removed, when no stage lists it any more. */
  #recordLink(): void {
    const { wanted } = this.#item;
    const { state, root } = this.#plan.options;
    if (wanted.hash === undefined || this.#plan.missing.some((one) => one.wanted === wanted)) return;
    recordLink(root, wanted.path, wanted.hash.value, state);
  }

  #path(rel: RelPath): OsPath {
    return rel === "." ? this.#item.wanted.path : `${this.#item.wanted.path}/${rel}`;
  }

  #point(point: ApplyPoint): void {
    this.#options.onPoint?.(point);
  }
}

/** The highest folder on the way to `folder` that does not exist; undefined when it exists. */
function topMissing(folder: RelPath, folders: ReadonlySet<RelPath>): RelPath | undefined {
  if (folders.has(folder)) return undefined;
  let top = folder;
  while (top !== ".") {
    const slash = top.lastIndexOf("/");
    const up = slash < 0 ? "." : top.slice(0, slash);
    if (folders.has(up)) return top;
    top = up;
  }
  return top;
}

/** Counts for the reporter. */
class Progress {
  readonly #options: CallOptions;
  readonly #total: number;
  #before = 0;
  #isStarted = false;

  constructor(plan: Plan, options: CallOptions) {
    this.#options = options;
    this.#total = plan.items.reduce((sum, item) => sum + item.work.jobs.length, 0);
  }

  update(batch: FileBatch): void {
    if (!this.#isStarted) this.#options.reporter?.emit({ type: "start", task: TASK, items: this.#total });
    this.#isStarted = true;
    const items = this.#before + Atomics.load(batch.shared.control, Control.done);
    this.#options.reporter?.emit({ type: "progress", task: TASK, items, bytes: 0, totalItems: this.#total });
  }

  done(batch: FileBatch): void {
    this.#before += batch.names.count;
  }

  end(): void {
    if (this.#isStarted) this.#options.reporter?.emit({ type: "end", task: TASK });
  }
}
