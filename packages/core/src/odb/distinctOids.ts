import { DigestSet } from "./digestSet.ts";
import { checkFileOid, DIGEST, OidColumn, writeDigest } from "./oidColumn.ts";

const FIRST_ROWS = 64;

/** Ids of files in the order in which they are first named, each once: 16 bytes each, and some 40 to know which there are. */
export class DistinctOids {
  readonly #seen: DigestSet = new DigestSet();
  #rows: Uint8Array = new Uint8Array(FIRST_ROWS * DIGEST);

  /** @throws {DvcError} for what is no id of a file */
  add(oids: Iterable<string>): void {
    for (const oid of oids) {
      checkFileOid(oid);
      if (!this.#seen.add(oid)) continue;
      const row = this.#seen.size - 1;
      if (row * DIGEST === this.#rows.length) this.#grow();
      writeDigest(this.#rows, row, oid);
    }
  }

  /** Those added by now. */
  get column(): OidColumn {
    return OidColumn.over(this.#rows.subarray(0, this.#seen.size * DIGEST));
  }

  #grow(): void {
    const grown = new Uint8Array(2 * this.#rows.length);
    grown.set(this.#rows);
    this.#rows = grown;
  }
}
