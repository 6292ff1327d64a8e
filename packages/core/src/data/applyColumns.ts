import type { BigIntStats } from "node:fs";
import type { OsPath } from "../base/paths.ts";
import type { QuickStat } from "../fs/quickStat.ts";
import { STAMP_FIELDS } from "../odb/stateTable.ts";
import type { Stamp } from "./plan.ts";

/** What became of a file of a batch. `Doubtful`: its object is missing or not as objects are; to be looked at closely. */
export const FileState = { Waiting: 0, Built: 1, Damaged: 2, Doubtful: 3 } as const;

/** File conditions as columns of 64-bit numbers, which two threads can share. */
export class StampColumns {
  readonly #numbers: BigInt64Array;
  readonly #halves: Uint32Array;

  constructor(numbers: BigInt64Array) {
    this.#numbers = numbers;
    this.#halves = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length * 2);
  }

  /** Room for `count` conditions. */
  static allocate(count: number, memory: (bytes: number) => ArrayBuffer): BigInt64Array {
    return new BigInt64Array(memory(count * STAMP_FIELDS * 8));
  }

  set(index: number, stat: BigIntStats): void {
    const at = index * STAMP_FIELDS;
    const numbers = this.#numbers;
    numbers[at] = stat.dev;
    numbers[at + 1] = stat.ino;
    numbers[at + 2] = stat.size;
    numbers[at + 3] = stat.mtimeNs;
    numbers[at + 4] = stat.ctimeNs;
  }

  /** The same of the file at a path, which is no link. False when it cannot be looked at. */
  setQuickly(index: number, quick: QuickStat, path: OsPath): boolean {
    if (!quick.look(path)) return false;
    quick.copyTo(this.#halves, index);
    return true;
  }

  /** Whether anything was set; no file has inode 0. */
  has(index: number): boolean {
    const ino = this.#numbers[index * STAMP_FIELDS + 1];
    return ino !== undefined && ino !== 0n;
  }

  get(index: number): Stamp {
    const at = index * STAMP_FIELDS;
    const numbers = this.#numbers;
    return {
      dev: BigInt.asUintN(64, numbers[at] as bigint),
      ino: BigInt.asUintN(64, numbers[at + 1] as bigint),
      size: numbers[at + 2] as bigint,
      mtimeNs: numbers[at + 3] as bigint,
      ctimeNs: numbers[at + 4] as bigint,
    };
  }
}

/** The same numbers as a state and a record take them. */
export function unsigned(column: BigInt64Array): BigUint64Array {
  return new BigUint64Array(column.buffer, column.byteOffset, column.length);
}
