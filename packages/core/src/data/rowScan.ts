import type { BigIntStats } from "node:fs";
import { lstatSync, statSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";
import { TextColumn, type TextShare } from "../base/textColumn.ts";
import { quickStat } from "../fs/quickStat.ts";
import { IS_LINK } from "../odb/folderRecords.ts";
import { sameStat } from "./fileColumns.ts";

/** Files of a folder as they were recorded, and what each thread found of them: memory that both see. */
export interface RowShare {
  /** The folder, "/" at the end. */
  readonly base: OsPath;
  readonly relpaths: TextShare;
  /** Numbers as of `FileColumns`; a row of zeros is like no file. */
  readonly stats: BigUint64Array;
  readonly flags: Uint8Array;
  /** A byte a file: 0 not looked at, 1 in the very condition recorded, 2 anything else. */
  readonly verdicts: Uint8Array;
  /** Number of the next row that nobody took. */
  readonly next: Int32Array;
}

/** The verdict on a file that is as it was recorded. */
export const SAME = 1;
const OTHER = 2;
/** Rows that a thread takes at a time: what the other holds at the end is looked at again. */
const CHUNK = 128;

/** Compares files with their record, a chunk at a time, until none is left; several threads may do so at once. */
export function scanRows(share: RowShare, signal?: AbortSignal): void {
  const { verdicts, next } = share;
  const count = verdicts.length;
  const isSame = comparison(share);
  for (let from; (from = Atomics.add(next, 0, CHUNK)) < count;) {
    signal?.throwIfAborted();
    const end = Math.min(from + CHUNK, count);
    for (let row = from; row < end; row++) Atomics.store(verdicts, row, isSame(row) ? SAME : OTHER);
  }
}

/** Looks at those rows that another thread took and has not finished. */
export function scanLeftRows(share: RowShare): void {
  const { verdicts } = share;
  const isSame = comparison(share);
  for (let row = 0; row < verdicts.length; row++)
    if (Atomics.load(verdicts, row) === 0) Atomics.store(verdicts, row, isSame(row) ? SAME : OTHER);
}

/** Tells of a row whether its file is as recorded. */
function comparison(share: RowShare): (row: number) => boolean {
  const { base, stats, flags } = share;
  const relpaths = TextColumn.over(share.relpaths);
  const isLink = (row: number): boolean => ((flags[row] as number) & IS_LINK) !== 0;
  const careful = (row: number): boolean => {
    const stat = lookAt(base + relpaths.at(row), isLink(row));
    return stat !== undefined && sameStat(stats, row, stat);
  };
  const quick = quickStat(relpaths.length, base);
  if (quick === undefined) return careful;
  const recorded = new Uint32Array(stats.buffer, stats.byteOffset, stats.length * 2);
  const look = quick.below(base, relpaths);
  return (row) => (isLink(row) ? careful(row) : look(row) && quick.isSame(recorded, row));
}

function lookAt(path: OsPath, isLink: boolean): BigIntStats | undefined {
  try {
    return (isLink ? statSync : lstatSync)(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined; // a ring of links, a folder that became a file: for the careful way
  }
}
