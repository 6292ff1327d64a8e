import { DvcError } from "../base/errors.ts";
import { isDirHash, isOid } from "../hash/hashInfo.ts";

/** Bytes of one hash. */
export const DIGEST = 16;
/** How many first two bytes there are. */
const STARTS = 1 << 16;

/** Ids of objects, to be gone through more than once. */
export type OidList = Iterable<string> & { readonly length: number };

/** Hashes of files in order, 16 bytes each, in memory that threads share: a million of them take 16 MB. */
export class OidColumn implements Iterable<string> {
  readonly bytes: Uint8Array;
  readonly #hex: Buffer;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The ids of files among `oids`, sorted; ids of manifests and what is none are left out. Equal ones stay. */
  static from(oids: Iterable<string>): OidColumn {
    const names: string[] = [];
    for (const oid of oids) if (isOid(oid) && !isDirHash(oid)) names.push(oid);
    names.sort();
    const bytes = new Uint8Array(new SharedArrayBuffer(names.length * DIGEST));
    const hex = Buffer.from(bytes.buffer);
    for (const [row, oid] of names.entries()) hex.write(oid, row * DIGEST, DIGEST, "hex");
    return new OidColumn(bytes);
  }

  /** At most `most` ids of files as they come. @throws {DvcError} for anything else: a manifest, no id at all */
  static of(oids: Iterable<string>, most: number): OidColumn {
    const bytes = new Uint8Array(new SharedArrayBuffer(most * DIGEST));
    let row = 0;
    for (const oid of oids) {
      checkFileOid(oid);
      writeDigest(bytes, row++, oid);
    }
    return new OidColumn(bytes.subarray(0, row * DIGEST));
  }

  /** Over memory that another thread has made. */
  static over(bytes: Uint8Array): OidColumn {
    return new OidColumn(bytes);
  }

  get length(): number {
    return this.bytes.length / DIGEST;
  }

  *[Symbol.iterator](): IterableIterator<string> {
    for (let row = 0; row < this.length; row++) yield this.at(row);
  }

  /** The same in the order of their first two bytes, so that objects of one folder lie beside each other. */
  byFolder(): OidColumn {
    const { bytes, length } = this;
    const startOf = (row: number): number =>
      ((bytes[row * DIGEST] as number) << 8) | (bytes[row * DIGEST + 1] as number);
    /** Where the next of those that begin so goes. */
    const next = new Uint32Array(STARTS + 1);
    for (let row = 0; row < length; row++) next[startOf(row) + 1] = (next[startOf(row) + 1] as number) + 1;
    for (let start = 1; start < STARTS; start++) next[start] = (next[start] as number) + (next[start - 1] as number);
    const sorted = new Uint8Array(new SharedArrayBuffer(length * DIGEST));
    for (let row = 0; row < length; row++) {
      const at = next[startOf(row)] as number;
      sorted.set(bytes.subarray(row * DIGEST, (row + 1) * DIGEST), at * DIGEST);
      next[startOf(row)] = at + 1;
    }
    return new OidColumn(sorted);
  }

  /** 32 hex digits. */
  at(row: number): string {
    return digestAt(this.#hex, row);
  }

  /** Whether row `row` is the digest at `offset` of `digests`. */
  equals(row: number, digests: Uint8Array, offset: number): boolean {
    for (let i = 0; i < DIGEST; i++) if (this.bytes[row * DIGEST + i] !== digests[offset + i]) return false;
    return true;
  }
}

/** @throws {DvcError} unless it names the object of a file: not a manifest, not something that is no id */
export function checkFileOid(oid: string): void {
  if (!isOid(oid) || isDirHash(oid))
    throw new DvcError(`'${oid}' is not the id of a file's object`, { code: "corrupt-object" });
}

/** The 32 hex digits of row `row` of a column of digests. */
export function digestAt(digests: Buffer, row: number): string {
  return digests.toString("hex", row * DIGEST, (row + 1) * DIGEST);
}

/** Writes 32 hex digits into row `row` of a column of digests. */
export function writeDigest(digests: Uint8Array, row: number, md5: string): void {
  for (let i = 0, at = row * DIGEST; i < 2 * DIGEST; i += 2)
    digests[at++] = (nibble(md5.charCodeAt(i)) << 4) | nibble(md5.charCodeAt(i + 1));
}

function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}
