import type { Hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { WITHOUT_WAITING } from "../fs/openToRead.ts";
import { LANES, Md5Lanes } from "../hash/md5Lanes.ts";
import { newMd5 } from "../hash/md5.ts";
import { type LaneHasher, PlainLanes } from "../hash/plainLanes.ts";
import { HashControl, type HashShare, HashState } from "./hashShare.ts";
import { OidColumn } from "./oidColumn.ts";

/** Objects that a thread takes at a time. */
const CHUNK = 32;
/** From this size on one stream of the operating system's own kind is faster than a lane (bytes). */
const LARGE = 4 << 20;
const BLOCK = 1 << 20;

/** A large object that is being hashed by itself. */
interface Large {
  readonly row: number;
  readonly fd: number;
  readonly hash: Hash;
}

/** One thread's part in hashing many objects of a folder: eight at once, files of any size, in fixed memory. */
export class HashLoop {
  readonly #share: HashShare;
  readonly #oids: OidColumn;
  readonly #lanes: LaneHasher;
  /** Row and descriptor of the object in each lane; a descriptor of -1 is a free lane. */
  readonly #rows = new Int32Array(LANES);
  readonly #fds = new Int32Array(LANES).fill(-1);
  readonly #ended = new Uint8Array(LANES);
  readonly #digest = new Uint8Array(16);
  #block: Buffer | undefined;
  #large: Large | undefined;
  #next = 0;
  #end = 0;

  constructor(share: HashShare) {
    this.#share = share;
    this.#oids = OidColumn.over(share.oids);
    this.#lanes = Md5Lanes.create() ?? new PlainLanes();
  }

  /** Works until nothing is left, it was told to stop, or `deadline` (of `performance.now`) has passed. @returns whether it has ended. */
  step(deadline: number): boolean {
    for (;;) {
      for (let lane = 0; lane < LANES && this.#large === undefined; lane++)
        if (this.#fds[lane] === -1) this.#begin(lane);
      if (this.#large !== undefined) this.#advanceLarge(this.#large);
      else if (!this.#lanes.isBusy) return true;
      else {
        const done = this.#lanes.run();
        for (let lane = 0; lane < LANES; lane++) if ((done & (1 << lane)) !== 0) this.#advance(lane);
      }
      if (performance.now() > deadline) return false;
    }
  }

  /** Closes what is open, after an abort. */
  close(): void {
    Atomics.store(this.#share.control, HashControl.stop, 1);
    for (let lane = 0; lane < LANES; lane++) this.#release(lane);
    if (this.#large !== undefined) closeSync(this.#large.fd);
    this.#large = undefined;
  }

  #take(): number {
    const { control } = this.#share;
    if (this.#next >= this.#end) {
      if (Atomics.load(control, HashControl.stop) !== 0) return -1;
      this.#next = Atomics.add(control, HashControl.next, CHUNK);
      this.#end = Math.min(this.#next + CHUNK, this.#oids.length);
      if (this.#next >= this.#end) return -1;
    }
    return this.#next++;
  }

  /** Starts objects in a lane until one of them has something to hash, or is a large one. */
  #begin(lane: number): void {
    for (;;) {
      const row = this.#take();
      if (row < 0) return;
      const oid = this.#oids.at(row);
      this.#rows[lane] = row;
      try {
        const fd = openSync(`${this.#share.folder}/${oid.slice(0, 2)}/${oid.slice(2)}`, WITHOUT_WAITING);
        this.#fds[lane] = fd;
        const stat = fstatSync(fd);
        if (!stat.isFile()) throw new Error("no file");
        if (stat.size >= LARGE) {
          this.#fds[lane] = -1;
          this.#large = { row, fd, hash: newMd5() };
          return;
        }
        this.#lanes.start(lane);
        this.#fill(lane, fd);
        return;
      } catch {
        this.#settle(lane, HashState.doubtful);
      }
    }
  }

  #fill(lane: number, fd: number): void {
    const buffer = this.#lanes.buffer(lane);
    const { capacity } = this.#lanes;
    let count = 0;
    while (count < capacity) {
      const got = readSync(fd, buffer, count, capacity - count, null);
      if (got === 0) break;
      count += got;
    }
    this.#ended[lane] = count < capacity ? 1 : 0;
    this.#lanes.feed(lane, count, count < capacity);
    Atomics.add(this.#share.bytes, 0, BigInt(count));
  }

  /** A lane has taken its part: the next part of the same object, or its end. */
  #advance(lane: number): void {
    if (this.#ended[lane] === 1) {
      this.#lanes.digest(lane, this.#digest, 0);
      const isSound = this.#oids.equals(this.#rows[lane] as number, this.#digest, 0);
      this.#settle(lane, isSound ? HashState.sound : HashState.doubtful);
      return;
    }
    try {
      this.#fill(lane, this.#fds[lane] as number);
    } catch {
      this.#settle(lane, HashState.doubtful);
    }
  }

  #advanceLarge({ row, fd, hash }: Large): void {
    let state: number = HashState.doubtful;
    try {
      this.#block ??= Buffer.allocUnsafeSlow(BLOCK);
      const count = readSync(fd, this.#block, 0, BLOCK, null);
      if (count > 0) {
        hash.update(this.#block.subarray(0, count));
        Atomics.add(this.#share.bytes, 0, BigInt(count));
        return;
      }
      if (this.#oids.equals(row, hash.digest(), 0)) state = HashState.sound;
    } catch {
      // Unreadable: for a closer look.
    }
    this.#large = undefined;
    closeSync(fd);
    Atomics.store(this.#share.states, row, state);
  }

  #settle(lane: number, state: number): void {
    Atomics.store(this.#share.states, this.#rows[lane] as number, state);
    this.#release(lane);
  }

  #release(lane: number): void {
    const fd = this.#fds[lane] as number;
    this.#fds[lane] = -1;
    if (fd !== -1) closeSync(fd);
  }
}
