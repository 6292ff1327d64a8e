import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, readSync, statSync, unlinkSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";
import { TextColumn } from "../base/textColumn.ts";
import { writeAll } from "../fs/atomic.ts";
import { ofFile } from "../base/ofFile.ts";
import { LANES, Md5Lanes } from "../hash/md5Lanes.ts";
import type { LaneHasher } from "../hash/plainLanes.ts";
import { DIGEST, digestAt } from "../odb/oidColumn.ts";
import { STAMP_FIELDS } from "../odb/stateTable.ts";
import { PlainLanes } from "../hash/plainLanes.ts";
import { sameStat, SIZE } from "./fileColumns.ts";
import type { IngestFailure, IngestJob } from "./ingestJob.ts";
import { Control, Outcome } from "./ingestJob.ts";

const OBJECT_MODE = 0o444;
const REGULAR_OBJECT = 0o100444;

/** A file that is being read in a lane. */
interface Reading {
  index: number;
  source: number;
  /** The staged copy, for files larger than a buffer; -1 while there is none. */
  copy: number;
  /** Bytes read so far, and those in the buffer now. */
  read: number;
  count: number;
  isLast: boolean;
}

/**
 * One thread's part in an {@link IngestJob}: takes batches until none is left, reads each file once, hashes eight at a
 * time and writes what the cache lacks into its staging folder. Small files are written only once their hash is known.
 */
export class IngestLoop {
  readonly failures: IngestFailure[] = [];
  readonly #job: IngestJob;
  readonly #relpaths: TextColumn;
  readonly #digests: Buffer;
  readonly #thread: number;
  readonly #lanes: LaneHasher;
  readonly #reading: (Reading | undefined)[] = [];
  readonly #shards: ReadonlySet<string>;
  /** Whether the umask takes away bits of the object's mode: known from the first file (reading the umask sets it). */
  #fixMode: boolean | undefined;
  #next = 0;
  #end = 0;

  constructor(job: IngestJob, thread: number) {
    this.#job = job;
    this.#relpaths = TextColumn.over(job.relpaths);
    this.#digests = Buffer.from(job.digests.buffer, job.digests.byteOffset, job.digests.byteLength);
    this.#thread = thread;
    this.#lanes = Md5Lanes.create() ?? new PlainLanes();
    this.#shards = new Set(job.shards);
  }

  /** Works until nothing is left, it failed, or `deadline` (of `performance.now`) has passed. @returns whether it has ended. */
  step(deadline: number): boolean {
    try {
      for (;;) {
        for (let lane = 0; lane < LANES; lane++) if (this.#reading[lane] === undefined) this.#begin(lane);
        if (!this.#lanes.isBusy) return true;
        const done = this.#lanes.run();
        for (let lane = 0; lane < LANES; lane++) if ((done & (1 << lane)) !== 0) this.#advance(lane);
        if (performance.now() > deadline) return false;
      }
    } finally {
      if (this.failures.length > 0) this.close();
    }
  }

  /** Closes what is open, after an abort. */
  close(): void {
    Atomics.store(this.#job.control, Control.stop, 1);
    for (let lane = 0; lane < LANES; lane++) this.#release(lane);
  }

  #path(index: number): OsPath {
    return this.#job.base + this.#relpaths.at(index);
  }

  /** Index of the next file, or -1. */
  #take(): number {
    const { control, batches } = this.#job;
    if (this.#next >= this.#end) {
      if (Atomics.load(control, Control.stop) !== 0) return -1;
      const batch = Atomics.add(control, Control.nextBatch, 1);
      if (batch >= batches.length - 1) return -1;
      this.#next = batches[batch] as number;
      this.#end = batches[batch + 1] as number;
    }
    return this.#next++;
  }

  /** Starts files in a lane until one of them has something to hash. */
  #begin(lane: number): void {
    for (;;) {
      const index = this.#take();
      if (index < 0) return;
      const path = this.#path(index);
      try {
        const source = openSync(path, "r");
        this.#reading[lane] = { index, source, copy: -1, read: 0, count: 0, isLast: false };
        this.#lanes.start(lane);
        if (this.#fill(lane)) return;
      } catch (error) {
        this.#fail(lane, index, path, error);
        return;
      }
    }
  }

  /** Reads the next part into the lane. @returns false when the file is not what it was: it is left for a retry. */
  #fill(lane: number): boolean {
    const reading = this.#reading[lane] as Reading;
    const buffer = this.#lanes.buffer(lane);
    const { capacity } = this.#lanes;
    const size = Number(this.#job.stats[reading.index * STAMP_FIELDS + SIZE]);
    let count = 0;
    while (count < capacity) {
      const got = readSync(reading.source, buffer, count, capacity - count, null);
      if (got === 0) break;
      count += got;
      if (reading.read + count >= size && count < capacity) break;
    }
    reading.read += count;
    reading.count = count;
    reading.isLast = count < capacity;
    const isWhole = reading.isLast && reading.read === count;
    if (reading.isLast && !this.#isUnchanged(reading, size)) {
      this.#giveUp(lane, reading);
      return false;
    }
    if (!isWhole && this.#job.objects !== undefined) {
      if (reading.copy < 0) reading.copy = this.#create(this.#stagedPath(reading.index));
      writeAll(reading.copy, buffer, count);
    }
    this.#lanes.feed(lane, count, reading.isLast);
    Atomics.add(this.#job.control, Control.kibibytes, count >> 10);
    return true;
  }

  #isUnchanged(reading: Reading, size: number): boolean {
    return (
      reading.read === size && sameStat(this.#job.stats, reading.index, fstatSync(reading.source, { bigint: true }))
    );
  }

  #giveUp(lane: number, reading: Reading): void {
    const staged = reading.copy >= 0;
    this.#release(lane);
    if (staged) unlinkSync(this.#stagedPath(reading.index));
    this.#job.outcomes[reading.index] = Outcome.retry;
  }

  /** A lane has taken its part: the next part of the same file, or its end. */
  #advance(lane: number): void {
    const reading = this.#reading[lane] as Reading;
    const { index } = reading;
    try {
      if (!reading.isLast) {
        this.#fill(lane);
        return;
      }
      this.#lanes.digest(lane, this.#digests, index * DIGEST);
      if (this.#job.objects !== undefined) this.#store(lane, reading, this.#job.objects);
      else this.#job.outcomes[index] = Outcome.hashed;
      this.#release(lane);
      Atomics.add(this.#job.control, Control.files, 1);
    } catch (error) {
      this.#fail(lane, index, this.#path(index), error);
    }
  }

  #store(lane: number, reading: Reading, objects: OsPath): void {
    const { index } = reading;
    const { outcomes } = this.#job;
    const oid = digestAt(this.#digests, index);
    const found = this.#find(oid, objects, reading.read);
    if (found !== "missing") {
      if (reading.copy >= 0) unlinkSync(this.#stagedPath(index));
      outcomes[index] = found === "there" ? Outcome.hashed : Outcome.retry;
      return;
    }
    if (reading.copy < 0) {
      const fresh = this.#freshPath(oid);
      if (fresh !== undefined) {
        this.#writeFresh(fresh, lane, reading);
        return;
      }
      reading.copy = this.#create(this.#stagedPath(index));
      writeAll(reading.copy, this.#lanes.buffer(lane), reading.count);
    }
    const { copy } = reading;
    if (this.#job.syncEach)
      ofFile(this.#stagedPath(index), () => {
        fsyncSync(copy);
      });
    outcomes[index] = Outcome.staged + this.#thread;
  }

  /** Where an object goes whose folder the cache lacks. */
  #freshPath(oid: string): OsPath | undefined {
    const { fresh } = this.#job;
    const shard = oid.slice(0, 2);
    return fresh === undefined || this.#shards.has(shard) ? undefined : `${fresh}/${shard}/${oid.slice(2)}`;
  }

  #writeFresh(path: OsPath, lane: number, reading: Reading): void {
    try {
      reading.copy = this.#create(path);
    } catch (error) {
      // Equal bytes: whoever created it writes them. Should that fail, nothing of this job is stored.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (reading.copy >= 0) writeAll(reading.copy, this.#lanes.buffer(lane), reading.count);
    this.#job.outcomes[reading.index] = Outcome.fresh;
  }

  /** Whether the cache holds the object; an odd one (size, mode, type) is left to the careful path. */
  #find(oid: string, objects: OsPath, size: number): "there" | "missing" | "odd" {
    const shard = oid.slice(0, 2);
    if (!this.#shards.has(shard)) return "missing";
    const stat = statSync(`${objects}/${shard}/${oid.slice(2)}`, { throwIfNoEntry: false });
    if (stat === undefined) return "missing";
    return stat.mode === REGULAR_OBJECT && stat.size === size ? "there" : "odd";
  }

  #stagedPath(index: number): OsPath {
    return `${this.#job.staging[this.#thread] as string}/${String(index)}`;
  }

  #create(path: OsPath): number {
    const fd = openSync(path, "wx", OBJECT_MODE);
    this.#fixMode ??= fstatSync(fd).mode !== REGULAR_OBJECT;
    if (this.#fixMode) fchmodSync(fd, OBJECT_MODE);
    return fd;
  }

  #release(lane: number): void {
    const reading = this.#reading[lane];
    if (reading === undefined) return;
    this.#reading[lane] = undefined;
    const { copy } = reading;
    closeSync(reading.source);
    if (copy >= 0)
      ofFile(this.#stagedPath(reading.index), () => {
        closeSync(copy);
      });
  }

  #fail(lane: number, index: number, path: OsPath, error: unknown): void {
    this.#release(lane);
    const { code, errno, syscall, message, path: about } = error as NodeJS.ErrnoException;
    this.failures.push({ index, message, system: { code, errno, syscall, path: about ?? path } });
    Atomics.store(this.#job.control, Control.stop, 1);
    this.#next = this.#end;
  }
}
