import { isDirHash, isOid } from "../hash/hashInfo.ts";

/** Bytes of one hash. */
export const DIGEST = 16;

/** Hashes of files in order, 16 bytes each, in memory that threads share: a million of them take 16 MB. */
export class OidColumn {
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

  /** Over memory that another thread has made. */
  static over(bytes: Uint8Array): OidColumn {
    return new OidColumn(bytes);
  }

  get length(): number {
    return this.bytes.length / DIGEST;
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
