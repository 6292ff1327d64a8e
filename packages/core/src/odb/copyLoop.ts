import { closeSync, fchmodSync, fstatSync, openSync, readSync } from "node:fs";
import { WITHOUT_WAITING } from "../fs/openToRead.ts";
import type { OsPath } from "../base/paths.ts";
import { removeQuietly, writeAll } from "../fs/atomic.ts";
import { LANES, Md5Lanes } from "../hash/md5Lanes.ts";
import { type LaneHasher, PlainLanes } from "../hash/plainLanes.ts";
import { CopyControl, type CopyShare, CopyState } from "./copyShare.ts";

const OBJECT_MODE = 0o444;
const REGULAR_OBJECT = 0o100444;
/** Objects that a thread takes at a time, a multiple of the lanes. */
const CHUNK = 64;
const DIGEST = 16;

/**
 * One thread's part in a copy of many small objects: reads eight, hashes them at once, and writes those whose bytes have
 * the hash that names them aside: under their names in a folder of objects that is new, else into its staging folder. Whatever is odd about one leaves it to the careful way.
 */
export class CopyLoop {
  readonly #share: CopyShare;
  readonly #thread: number;
  readonly #lanes: LaneHasher;
  readonly #hex: Buffer;
  readonly #digest: Buffer = Buffer.alloc(DIGEST);
  /** Index of the object in each lane, and its bytes. */
  readonly #indexes = new Int32Array(LANES);
  readonly #counts = new Int32Array(LANES);
  /** How many objects this thread took. */
  #taken = 0;
  /** Whether the umask takes away bits of the object's mode: known from the first file. */
  #fixMode: boolean | undefined;

  constructor(share: CopyShare, thread: number) {
    this.#share = share;
    this.#thread = thread;
    this.#lanes = Md5Lanes.create() ?? new PlainLanes();
    this.#hex = Buffer.from(share.hashes.buffer, share.hashes.byteOffset, share.hashes.length);
  }

  /**
   * Copies the next few objects: the first thread takes them from the front, the second from the back, because two that
   * create files in one folder wait for each other.
   * @returns false when nothing is left to take, or all were told to stop.
   */
  step(): boolean {
    const { control, states } = this.#share;
    if (Atomics.load(control, CopyControl.stop) !== 0) return false;
    const count = states.length;
    const before = Atomics.add(control, CopyControl.next, CHUNK);
    if (before >= count) return false;
    const share = Math.min(CHUNK, count - before);
    const from = this.#thread === 0 ? this.#taken : count - this.#taken - share;
    this.#taken += share;
    for (let at = from; at < from + share; at += LANES) this.#copyEight(at, Math.min(at + LANES, from + share));
    return true;
  }

  #copyEight(from: number, end: number): void {
    let used = 0;
    for (let index = from; index < end; index++) if (this.#read(used, index)) used++;
    while (this.#lanes.isBusy) this.#lanes.run();
    for (let lane = 0; lane < used; lane++) this.#stage(lane, this.#indexes[lane] as number);
  }

  /** Reads a whole small object into a lane; false when that is not possible. */
  #read(lane: number, index: number): boolean {
    const { capacity } = this.#lanes;
    const buffer = this.#lanes.buffer(lane);
    let count = 0;
    try {
      const fd = openSync(this.#pathIn(this.#share.from, index), WITHOUT_WAITING);
      try {
        // A read that falls short of the end shows as a wrong hash, as does what is no file; a device fills the buffer.
        count = readSync(fd, buffer, 0, capacity, null);
      } finally {
        closeSync(fd);
      }
    } catch {
      count = capacity;
    }
    if (count === capacity) {
      Atomics.store(this.#share.states, index, CopyState.left);
      return false;
    }
    this.#lanes.start(lane);
    this.#lanes.feed(lane, count, true);
    this.#indexes[lane] = index;
    this.#counts[lane] = count;
    return true;
  }

  #stage(lane: number, index: number): void {
    const { states, sizes } = this.#share;
    const count = this.#counts[lane] as number;
    this.#lanes.digest(lane, this.#digest, 0);
    let state: number = CopyState.left;
    if (this.#digest.compare(this.#hex, index * DIGEST, (index + 1) * DIGEST) === 0) {
      const isFresh = this.#share.freshShards[this.#hex[index * DIGEST] as number] !== 0;
      const path = isFresh
        ? this.#pathIn(this.#share.fresh, index)
        : `${this.#share.staging[this.#thread] as string}/${String(index)}`;
      try {
        this.#write(path, this.#lanes.buffer(lane), count);
        sizes[index] = count;
        state = isFresh ? CopyState.fresh : CopyState.staged + this.#thread;
      } catch {
        // A full disk, most likely: the careful way meets it again, and reports it.
        removeQuietly(path);
        Atomics.store(this.#share.control, CopyControl.stop, 1);
      }
    }
    Atomics.store(states, index, state);
  }

  #write(path: OsPath, bytes: Uint8Array, count: number): void {
    const fd = openSync(path, "wx", OBJECT_MODE);
    try {
      this.#fixMode ??= fstatSync(fd).mode !== REGULAR_OBJECT;
      if (this.#fixMode) fchmodSync(fd, OBJECT_MODE);
      writeAll(fd, bytes, count);
    } finally {
      closeSync(fd);
    }
  }

  #pathIn(folder: OsPath, index: number): OsPath {
    const hex = this.#hex.toString("hex", index * DIGEST, (index + 1) * DIGEST);
    return `${folder}/${hex.slice(0, 2)}/${hex.slice(2)}`;
  }
}
