import { renameSync } from "node:fs";
import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { syncFolder } from "../fs/atomic.ts";
import { FLUSH_SINGLY, makeDurable, syncFileSystem } from "../odb/durable.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { StagingFolders } from "../odb/stagingFolders.ts";
import { SIZE, STAT_FIELDS } from "./fileColumns.ts";
import type { IngestJob } from "./ingestJob.ts";
import { Outcome } from "./ingestJob.ts";
import { hexAt } from "./ingestLoop.ts";

/**
 * Where new objects lie until their bytes are safe on disk: a folder a thread beside the object folders. Only then they
 * get their names, so that not even a power cut leaves wrong bytes under a right name. One flush serves all.
 */
export class Staging extends StagingFolders {
  /** With few files each is flushed by whoever writes it. */
  readonly syncEach: boolean;
  readonly #store: ObjectDb;

  constructor(store: ObjectDb, files: number) {
    super(store.folder, store.dirMode);
    this.#store = store;
    this.syncEach = files <= FLUSH_SINGLY;
  }

  /** Flushes what was written and gives it its names, durably. */
  publish(job: IngestJob): void {
    const rows: number[] = [];
    for (let row = 0; row < job.outcomes.length; row++)
      if ((job.outcomes[row] as number) >= Outcome.staged) rows.push(row);
    if (rows.length === 0) return;
    const staged = (row: number): OsPath =>
      `${this.folders[(job.outcomes[row] as number) - Outcome.staged] as string}/${String(row)}`;
    if (!job.syncEach && !syncFileSystem(this.objects)) makeDurable(this.objects, rows.map(staged));
    const shards = new Set<string>();
    const present = new Set(this.shards);
    for (const row of rows) {
      const oid = hexAt(job.digests, row);
      const shard = oid.slice(0, 2);
      if (!shards.has(shard)) {
        shards.add(shard);
        if (!present.has(shard)) this.makeShard(shard);
      }
      renameSync(staged(row), `${this.objects}/${shard}/${oid.slice(2)}`);
      this.#store.noteStored(oid, Number(job.stats[row * STAT_FIELDS + SIZE]));
    }
    if (!job.syncEach && syncFileSystem(this.objects)) return;
    for (const shard of shards) syncFolder(join(this.objects, shard));
    syncFolder(this.objects);
  }
}
