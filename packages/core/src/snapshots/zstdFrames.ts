/** Larger windows are refused (bytes): a reader must have as much memory, and moves all of it for each block. */
const MAX_WINDOW = 8 << 20;
/** So many blocks are handed on at a time: each may become 128 KiB. */
const MOST_BLOCKS = 32;
const FRAME = 0xfd2fb528;
const SKIPPED = 0x184d2a50;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;

/**
 * Cuts a stream of zstd frames where blocks end, so that little can become much only step by step, and refuses frames that ask for
 * much memory before anything is made of them. What is no frame is left to the one that unpacks it.
 */
export class ZstdFrames {
  /** What is read of a header that is not there whole. */
  #partial: number[] = [];
  #wants: "frame" | "block" | "none" = "frame";
  /** Bytes to pass over before the next header. */
  #skip = 0;
  #hasChecksum = false;

  /** The pieces of the next bytes. @throws {Error} for a window that is too large */
  *pieces(chunk: Buffer): Iterable<Buffer> {
    let from = 0;
    let blocks = 0;
    for (let at = 0; at < chunk.length;) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at);
        this.#skip -= step;
        at += step;
        continue;
      }
      if (this.#wants === "none") break;
      this.#partial.push(chunk[at++] as number);
      if (!this.#read(Buffer.from(this.#partial))) continue;
      this.#partial = [];
      if (++blocks < MOST_BLOCKS) continue;
      yield chunk.subarray(from, at);
      from = at;
      blocks = 0;
    }
    if (from < chunk.length) yield chunk.subarray(from);
  }

  /** @returns whether the header was whole */
  #read(header: Buffer): boolean {
    return this.#wants === "block" ? this.#block(header) : this.#frame(header);
  }

  #block(header: Buffer): boolean {
    if (header.length < 3) return false;
    const value = header.readUIntLE(0, 3);
    const isLast = (value & 1) === 1;
    // A repeated byte stands there once, whatever the size.
    this.#skip = ((value >> 1) & 3) === 1 ? 1 : value >> 3;
    if (!isLast) return true;
    this.#skip += this.#hasChecksum ? 4 : 0;
    this.#wants = "frame";
    return true;
  }

  #frame(header: Buffer): boolean {
    if (header.length < 5) return false;
    const magic = header.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPED) {
      if (header.length < 8) return false;
      this.#skip = header.readUInt32LE(4);
      return true;
    }
    if (magic !== FRAME) {
      this.#wants = "none";
      return true;
    }
    const flags = header[4] as number;
    const isSingle = (flags & 0x20) !== 0;
    const dictionary = DICTIONARY_BYTES[(flags & 3) as 0 | 1 | 2 | 3];
    const sizeBytes = flags >> 6 === 0 ? (isSingle ? 1 : 0) : 1 << (flags >> 6);
    const sizeAt = 5 + (isSingle ? 0 : 1) + dictionary;
    if (header.length < sizeAt + sizeBytes) return false;
    const window = isSingle ? sizeOf(header, sizeAt, sizeBytes) : windowOf(header[5] as number);
    if (window > MAX_WINDOW)
      throw new Error(`it is packed with a window of ${String(window)} bytes; ${String(MAX_WINDOW)} is the most`);
    this.#hasChecksum = (flags & 4) !== 0;
    this.#wants = "block";
    return true;
  }
}

function sizeOf(header: Buffer, at: number, bytes: number): number {
  if (bytes === 8) return Number(header.readBigUInt64LE(at));
  return header.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
