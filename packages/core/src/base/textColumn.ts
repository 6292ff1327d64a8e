/** Memory of a {@link TextColumn}, plain data that can be sent to a worker. */
export interface TextShare {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
  readonly count: number;
}

/** Rows that are decoded together when all are asked for. */
const CHUNK = 512;
/** Room for the first texts of a column that is filled: bytes, and texts. */
const FIRST = { bytes: 1024, texts: 32 };
const NO_BYTES = new Uint8Array(0);
const NO_ENDS = new Uint32Array(0);

/**
 * Texts in order, as UTF-8 joined by NUL (which none of them holds), in memory that threads share: a million paths take
 * some 35 MB, as strings three times that, and a copy in each thread.
 */
export class TextColumn implements Iterable<string> {
  #bytes: Buffer;
  /** Where each text ends. */
  #ends: Uint32Array;
  #count: number;

  private constructor({ bytes, ends, count }: TextShare) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#ends = ends;
    this.#count = count;
  }

  /** A column to be filled, with room for so many bytes and texts: memory that is not written to takes none. */
  static empty(bytes = 0, texts = 0): TextColumn {
    if (bytes === 0) return new TextColumn({ bytes: NO_BYTES, ends: NO_ENDS, count: 0 });
    return new TextColumn({
      bytes: sharedBytes(Math.max(FIRST.bytes, bytes)),
      ends: sharedEnds(Math.max(FIRST.texts, texts)),
      count: 0,
    });
  }

  static of(texts: Iterable<string>): TextColumn {
    const column = TextColumn.empty();
    for (const text of texts) column.push(text);
    return column;
  }

  /** Over memory of another thread. */
  static over(share: TextShare): TextColumn {
    return new TextColumn(share);
  }

  /** Over bytes as {@link joined} gives them; undefined when these are not `count` texts. */
  static parse(bytes: Uint8Array, count: number): TextColumn | undefined {
    const ends = sharedEnds(count);
    let row = 0;
    for (let at = 0; at < bytes.length; at++) if (bytes[at] === 0) ends[row++] = at;
    if (count > 0) ends[row++] = bytes.length;
    return row === count ? new TextColumn({ bytes, ends, count }) : undefined;
  }

  /** Number of texts. */
  get length(): number {
    return this.#count;
  }

  /** All texts, joined by NUL. */
  get joined(): Uint8Array {
    return this.#bytes.subarray(0, this.#count === 0 ? 0 : this.#ends[this.#count - 1]);
  }

  /** For other threads, as long as nothing is added. */
  get share(): TextShare {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    return { bytes: new Uint8Array(buffer, byteOffset, byteLength), ends: this.#ends, count: this.#count };
  }

  at(row: number): string {
    return this.#bytes.toString("utf8", this.#start(row), this.#ends[row]);
  }

  push(text: string): void {
    const at = this.#room(text.length * 3);
    this.#ends[this.#count++] = at + this.#bytes.write(text, at);
  }

  /** Adds a text whose bytes are at hand. */
  pushBytes(from: Uint8Array, start: number, end: number): void {
    let at = this.#room(end - start);
    const bytes = this.#bytes;
    for (let i = start; i < end; i++) bytes[at++] = from[i] as number;
    this.#ends[this.#count++] = at;
  }

  /** Writes the bytes of a text to `target` from `at` on. @returns how many */
  copyTo(target: Buffer, at: number, row: number): number {
    return this.#bytes.copy(target, at, this.#start(row), this.#ends[row]);
  }

  /** Whether the text has the bytes that another column has in a row. */
  isSame(row: number, other: TextColumn, otherRow: number): boolean {
    const [start, otherStart] = [this.#start(row), other.#start(otherRow)];
    const length = (this.#ends[row] as number) - start;
    if ((other.#ends[otherRow] as number) - otherStart !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== other.#bytes[otherStart + i]) return false;
    return true;
  }

  /** Whether the text comes after the one before it in the order of code points, which is that of the bytes of UTF-8. */
  isAfter(row: number): boolean {
    const bytes = this.#bytes;
    const end = this.#ends[row] as number;
    let at = this.#start(row);
    for (let i = this.#start(row - 1); at < end; i++, at++) {
      // The NUL at the end of the shorter one comes before everything.
      const difference = (bytes[at] as number) - (bytes[i] as number);
      if (difference !== 0) return difference > 0;
    }
    return false;
  }

  /** Below 0 when the text comes before these bytes of UTF-8 in the order of code points, 0 when it is the same. */
  compare(row: number, key: Buffer): number {
    return this.#bytes.compare(key, 0, key.length, this.#start(row), this.#ends[row]);
  }

  /** The first row that does not come before these bytes, where all rows are in the order of code points. */
  rowFrom(key: Buffer): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(middle, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  *[Symbol.iterator](): IterableIterator<string> {
    for (let from = 0; from < this.#count; from += CHUNK) {
      const last = Math.min(from + CHUNK, this.#count) - 1;
      yield* this.#bytes.toString("utf8", this.#start(from), this.#ends[last]).split("\0");
    }
  }

  #start(row: number): number {
    return row === 0 ? 0 : (this.#ends[row - 1] as number) + 1;
  }

  /** Makes room for one more text of at most so many bytes. @returns where it begins */
  #room(length: number): number {
    const count = this.#count;
    if (count === this.#ends.length) {
      const grown = sharedEnds(Math.max(FIRST.texts, count * 2));
      grown.set(this.#ends);
      this.#ends = grown;
    }
    if (count === 0) return this.#grow(0, length);
    const end = this.#ends[count - 1] as number;
    this.#grow(end + 1, length);
    this.#bytes[end] = 0;
    return end + 1;
  }

  #grow(at: number, length: number): number {
    if (at + length > this.#bytes.length) {
      const grown = Buffer.from(sharedBytes(Math.max(FIRST.bytes, this.#bytes.length * 2, at + length)).buffer);
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    return at;
  }
}

function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

function sharedEnds(count: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(count * 4));
}
