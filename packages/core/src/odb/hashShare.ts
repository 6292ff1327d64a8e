import type { OsPath } from "../base/paths.ts";

/** What became of an object. */
export const HashState = {
  /** Not taken yet, or taken by a thread that broke. */
  todo: 0,
  /** Its bytes have the hash that names it. */
  sound: 1,
  /** Wrong, unreadable or no file: for a closer look. */
  doubtful: 2,
} as const;

/** Indexes of {@link HashShare.control}. */
export const HashControl = { next: 0, stop: 1 } as const;

/** Objects of one folder of objects that several threads hash. Plain data, so that it can be sent to a worker. */
export interface HashShare {
  /** The folder of the 256 folders. */
  readonly folder: OsPath;
  /** Sorted ids of files, 16 bytes each. */
  readonly oids: Uint8Array;
  /** One {@link HashState} an object. */
  readonly states: Uint8Array;
  readonly control: Int32Array;
  /** One number: how many were read. */
  readonly bytes: BigInt64Array;
}

/** Lays out the memory that the threads share. Rows before `from` are not taken. */
export function hashShareOf(folder: OsPath, oids: Uint8Array, from: number): HashShare {
  const control = new Int32Array(new SharedArrayBuffer(8));
  control[HashControl.next] = from;
  const states = new Uint8Array(new SharedArrayBuffer(oids.length / 16));
  return { folder, oids, states, control, bytes: new BigInt64Array(new SharedArrayBuffer(8)) };
}
