import { DIGEST, writeDigest } from "./oidColumn.ts";

const FIRST_ROWS = 1024;

/**
 * A set of md5s, 16 bytes each: a million take 32 MB, a third of what a set of their names takes. They are spread evenly by
 * nature, so that their first bytes say where each is looked for (open addressing, no more than half full).
 */
export class DigestSet {
  #rows: Uint8Array = new Uint8Array(FIRST_ROWS * DIGEST);
  /** 1 where a row is taken. */
  #taken: Uint8Array = new Uint8Array(FIRST_ROWS);
  #size = 0;
  readonly #one: Uint8Array = new Uint8Array(DIGEST);

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** @param md5 32 lower-case hex digits, here and below. @returns whether it is new */
  add(md5: string): boolean {
    if (2 * (this.#size + 1) > this.#taken.length) this.#grow();
    writeDigest(this.#one, 0, md5);
    return this.#put(this.#one);
  }

  has(md5: string): boolean {
    writeDigest(this.#one, 0, md5);
    return this.#taken[this.#find(this.#one)] === 1;
  }

  /** The row of a digest, or the free one where it belongs. */
  #find(digest: Uint8Array): number {
    const mask = this.#taken.length - 1;
    const [a = 0, b = 0, c = 0, d = 0] = digest;
    let row = (a | (b << 8) | (c << 16) | (d << 24)) & mask;
    while (this.#taken[row] === 1 && !this.#isAt(row, digest)) row = (row + 1) & mask;
    return row;
  }

  #isAt(row: number, digest: Uint8Array): boolean {
    const at = row * DIGEST;
    for (let i = 0; i < DIGEST; i++) if (this.#rows[at + i] !== digest[i]) return false;
    return true;
  }

  #put(digest: Uint8Array): boolean {
    const row = this.#find(digest);
    if (this.#taken[row] === 1) return false;
    this.#taken[row] = 1;
    this.#rows.set(digest, row * DIGEST);
    this.#size++;
    return true;
  }

  #grow(): void {
    const [rows, taken] = [this.#rows, this.#taken];
    this.#rows = new Uint8Array(2 * rows.length);
    this.#taken = new Uint8Array(2 * taken.length);
    this.#size = 0;
    for (let row = 0; row < taken.length; row++)
      if (taken[row] === 1) this.#put(rows.subarray(row * DIGEST, (row + 1) * DIGEST));
  }
}
