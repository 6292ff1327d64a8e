import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { isLeftover, syncFolder, temporaryPath } from "../fs/atomic.ts";
import { FLUSH_SINGLY, makeDurable, syncFileSystem } from "../odb/durable.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { SIZE, STAT_FIELDS } from "./fileColumns.ts";
import type { IngestJob } from "./ingestJob.ts";
import { Outcome } from "./ingestJob.ts";
import { hexAt } from "./ingestLoop.ts";

/** A staging folder whose process is gone and that nobody has touched for an hour is removed. */
const IDLE_MS = 3_600_000;

/**
 * Where new objects lie until their bytes are safe on disk: a folder a thread beside the object folders. Only then they
 * get their names, so that not even a power cut leaves wrong bytes under a right name. One flush serves all.
 */
export class Staging {
  /** The folder of the object folders. */
  readonly objects: OsPath;
  /** Object folders present. */
  readonly shards: readonly string[];
  /** With few files each is flushed by whoever writes it. */
  readonly syncEach: boolean;
  readonly #store: ObjectDb;
  readonly #dirMode: number | undefined;
  #folders: OsPath[] = [];

  constructor(store: ObjectDb, files: number) {
    this.#store = store;
    this.objects = store.folder;
    this.#dirMode = store.dirMode;
    this.syncEach = files <= FLUSH_SINGLY;
    const first = mkdirSync(this.objects, { recursive: true });
    if (first !== undefined && this.#dirMode !== undefined)
      for (let at = this.objects; at.length >= first.length; at = dirname(at)) chmodSync(at, this.#dirMode);
    const names = readdirSync(this.objects);
    this.shards = names.filter((name) => name.length === 2);
    for (const name of names) {
      const path = join(this.objects, name);
      if (name.startsWith(".") && isLeftover(name) && isIdle(path)) removeFolder(path);
    }
  }

  /** Makes the folders. */
  open(threads: number): readonly OsPath[] {
    for (let thread = 0; thread < threads; thread++) {
      const folder = temporaryPath(join(this.objects, "in"), thread);
      mkdirSync(folder);
      this.#folders.push(folder);
    }
    return this.#folders;
  }

  /** Flushes what was written and gives it its names, durably. */
  publish(job: IngestJob): void {
    const rows: number[] = [];
    for (let row = 0; row < job.outcomes.length; row++)
      if ((job.outcomes[row] as number) >= Outcome.staged) rows.push(row);
    if (rows.length === 0) return;
    const staged = (row: number): OsPath =>
      `${this.#folders[(job.outcomes[row] as number) - Outcome.staged] as string}/${String(row)}`;
    if (!job.syncEach && !syncFileSystem(this.objects)) makeDurable(this.objects, rows.map(staged));
    const shards = new Set<string>();
    const present = new Set(this.shards);
    for (const row of rows) {
      const oid = hexAt(job.digests, row);
      const shard = oid.slice(0, 2);
      if (!shards.has(shard)) {
        shards.add(shard);
        if (!present.has(shard)) this.#makeShard(shard);
      }
      renameSync(staged(row), `${this.objects}/${shard}/${oid.slice(2)}`);
      this.#store.noteStored(oid, Number(job.stats[row * STAT_FIELDS + SIZE]));
    }
    if (!job.syncEach && syncFileSystem(this.objects)) return;
    for (const shard of shards) syncFolder(join(this.objects, shard));
    syncFolder(this.objects);
  }

  /** Removes the folders with whatever is left in them. */
  clear(): void {
    for (const folder of this.#folders) removeFolder(folder);
    this.#folders = [];
  }

  #makeShard(shard: string): void {
    const folder = join(this.objects, shard);
    mkdirSync(folder, { recursive: true });
    if (this.#dirMode !== undefined) chmodSync(folder, this.#dirMode);
  }
}

/** Whether nothing happened in the folder for long: on a shared disk its process may be one of another machine. */
function isIdle(folder: OsPath): boolean {
  const oldest = Date.now() - IDLE_MS;
  try {
    return [folder, ...readdirSync(folder).map((name) => join(folder, name))].every(
      (path) => statSync(path).mtimeMs < oldest,
    );
  } catch {
    return false; // not a folder, or gone
  }
}

function removeFolder(folder: OsPath): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Left for `gc`, which knows such names.
  }
}
