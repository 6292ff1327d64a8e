import { closeSync, openSync, readSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";

/** Where a packed object begins, and how it is stored. */
export interface PackedHeader {
  /** 1 commit, 2 tree, 3 blob, 4 tag, 6 delta to an offset, 7 delta to an id. */
  readonly type: number;
  /** Bytes once unpacked (of a delta: of the delta itself). */
  readonly size: number;
  /** Where the compressed bytes begin in the file. */
  readonly dataOffset: number;
  /** Of type 6: where its base begins. */
  readonly baseOffset?: number;
  /** Of type 7: the base's id, hex. */
  readonly baseId?: string;
}

const INDEX_MAGIC = 0xff744f63;
const FANOUT_END = 8 + 256 * 4;
const ID_BYTES = 20;
/** Larger objects (bytes) are left to Git. */
const MAX_RESULT = 64 * 1024 * 1024;
/** Longest header: ten bytes of size, then an id or ten bytes of offset. */
const HEADER_BYTES = 32;

/** One pack with its index (version 2), read in pieces. Source: Git's `gitformat-pack`. */
export class GitPack {
  readonly #index: number;
  readonly #pack: number;
  readonly #fanout: Buffer;

  /** `base` is the path without `.idx` and `.pack`. @throws when one is missing or of another version. */
  constructor(base: OsPath) {
    this.#index = openSync(`${base}.idx`, "r");
    try {
      this.#pack = openSync(`${base}.pack`, "r");
    } catch (error) {
      closeSync(this.#index);
      throw error;
    }
    this.#fanout = this.#at(this.#index, 0, FANOUT_END);
    if (
      this.#fanout.length < FANOUT_END ||
      this.#fanout.readUInt32BE(0) !== INDEX_MAGIC ||
      this.#fanout.readUInt32BE(4) !== 2
    ) {
      this.close();
      throw new Error(`${base}.idx is of an unknown version`);
    }
  }

  close(): void {
    closeSync(this.#index);
    closeSync(this.#pack);
  }

  /** Where the object with this id begins in the pack; undefined when it is in another. */
  offsetOf(id: string): number | undefined {
    const wanted = Buffer.from(id, "hex");
    const bucket = wanted[0] ?? 0;
    const from = bucket === 0 ? 0 : this.#fan(bucket - 1);
    const ids = this.#at(this.#index, FANOUT_END + from * ID_BYTES, (this.#fan(bucket) - from) * ID_BYTES);
    let low = 0;
    let high = ids.length / ID_BYTES;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = wanted.compare(ids, middle * ID_BYTES, (middle + 1) * ID_BYTES);
      if (order === 0) return this.#offset(from + middle);
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return undefined;
  }

  /** What stands at an offset. */
  header(offset: number): PackedHeader {
    const bytes = this.#at(this.#pack, offset, HEADER_BYTES);
    let at = 0;
    let byte = bytes.readUInt8(at++);
    const type = (byte >> 4) & 7;
    let size = byte & 15;
    for (let unit = 16; byte & 0x80; unit *= 128) {
      byte = bytes.readUInt8(at++);
      size += (byte & 0x7f) * unit;
    }
    if (type === 7) {
      const baseId = bytes.toString("hex", at, at + ID_BYTES);
      return { type, size, dataOffset: offset + at + ID_BYTES, baseId };
    }
    if (type !== 6) return { type, size, dataOffset: offset + at };
    byte = bytes.readUInt8(at++);
    let back = byte & 0x7f;
    while (byte & 0x80) {
      byte = bytes.readUInt8(at++);
      back = (back + 1) * 128 + (byte & 0x7f);
    }
    return { type, size, dataOffset: offset + at, baseOffset: offset - back };
  }

  /** Compressed bytes from an offset on, at least as many as `size` bytes can take; the rest belongs to what follows. */
  compressed(offset: number, size: number): Buffer {
    return this.#at(this.#pack, offset, size + (size >> 9) + 64);
  }

  #fan(bucket: number): number {
    return this.#fanout.readUInt32BE(8 + bucket * 4);
  }

  #offset(position: number): number {
    const count = this.#fan(255);
    const small = FANOUT_END + count * (ID_BYTES + 4);
    const offset = this.#at(this.#index, small + position * 4, 4).readUInt32BE(0);
    if (offset < 0x80000000) return offset;
    const large = small + count * 4 + (offset - 0x80000000) * 8;
    return Number(this.#at(this.#index, large, 8).readBigUInt64BE(0));
  }

  #at(file: number, offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
  }
}

/** What a delta makes of its base. Source: Git's `gitformat-pack`, "Deltified representation". @throws when it is malformed. */
export function applyDelta(base: Buffer, delta: Buffer): Buffer {
  let at = 0;
  const length = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = delta.readUInt8(at++);
      value += (byte & 0x7f) * unit;
      if (!(byte & 0x80)) return value;
    }
  };
  if (length() !== base.length) throw new Error("a delta of another base");
  const size = length();
  if (size > MAX_RESULT) throw new Error("too large");
  const result = Buffer.allocUnsafe(size);
  let end = 0;
  const take = (source: Buffer, from: number, count: number): void => {
    if (from + count > source.length || end + count > result.length) throw new Error("a delta that leaves its base");
    end += source.copy(result, end, from, from + count);
  };
  while (at < delta.length) {
    const op = delta.readUInt8(at++);
    if (op === 0) throw new Error("a delta with an unknown step");
    if (op < 0x80) {
      take(delta, at, op);
      at += op;
      continue;
    }
    let from = 0;
    let count = 0;
    for (let bit = 0; bit < 4; bit++) if (op & (1 << bit)) from += delta.readUInt8(at++) * 2 ** (8 * bit);
    for (let bit = 0; bit < 3; bit++) if (op & (16 << bit)) count += delta.readUInt8(at++) * 2 ** (8 * bit);
    take(base, from, count === 0 ? 0x10000 : count);
  }
  if (end !== result.length) throw new Error("a delta that ends early");
  return result;
}
