import { statSync } from "node:fs";

/** Sixteen bytes a hash: what both threads read. */
export interface IntactShare {
  /** The folder of the 256 folders. */
  readonly folder: string;
  /** Hashes, 16 bytes each. */
  readonly hashes: Uint8Array;
  /** One byte an object: 0 not looked at, 1 there and read-only, 2 anything else. */
  readonly states: Uint8Array;
  /** Number of the next hash that nobody took. */
  readonly next: Int32Array;
}

export const INTACT = 1;
const DOUBTFUL = 2;
/** Objects that a thread takes at a time. */
const CHUNK = 256;
const MODE = 0o444;

/** Looks at objects, a chunk at a time, until none is left; several threads may do so at once. */
export function scanIntact(share: IntactShare): void {
  const { folder, hashes, states, next } = share;
  const count = states.length;
  for (let from; (from = Atomics.add(next, 0, CHUNK)) < count;) {
    for (let i = from; i < Math.min(from + CHUNK, count); i++) {
      const hex = Buffer.from(hashes.buffer, hashes.byteOffset + i * 16, 16).toString("hex");
      const stat = statSync(`${folder}/${hex.slice(0, 2)}/${hex.slice(2)}`, { throwIfNoEntry: false });
      Atomics.store(
        states,
        i,
        stat !== undefined && stat.isFile() && (stat.mode & 0o7777) === MODE ? INTACT : DOUBTFUL,
      );
    }
  }
}
