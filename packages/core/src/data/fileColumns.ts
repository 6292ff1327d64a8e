import type { OsPath, RelPath } from "../base/paths.ts";
import type { FileCondition } from "../odb/state.ts";

/** Fields of a stat that are kept: device, inode, size, mtime in ns, ctime in ns. */
export const STAT_FIELDS = 5;
/** Where the size stands among them. */
export const SIZE = 2;

/** The files of a build as columns: a record object with its stat for each of 200,000 files would cost 100 MB. */
export class FileColumns {
  readonly paths: OsPath[] = [];
  readonly relpaths: RelPath[] = [];
  /** Known or computed; undefined while it is not. */
  readonly hashes: (string | undefined)[] = [];
  /** Time in ms before the first file was looked at. */
  readonly asOf: number;
  stats: BigUint64Array = new BigUint64Array(64 * STAT_FIELDS);

  /** `asOf`: time in ms before the first file was looked at; default: now. */
  constructor(asOf: number = Date.now()) {
    this.asOf = asOf;
  }

  /** Appends a file. */
  add(path: OsPath, relpath: RelPath, stat: FileCondition, md5: string | undefined): void {
    const index = this.paths.length;
    this.paths.push(path);
    this.relpaths.push(relpath);
    this.hashes.push(md5);
    if (this.stats.length < (index + 1) * STAT_FIELDS) {
      const grown = new BigUint64Array(this.stats.length * 2);
      grown.set(this.stats);
      this.stats = grown;
    }
    this.setStat(index, stat);
  }

  /** Replaces what is known of a file's condition. */
  setStat(index: number, stat: FileCondition): void {
    const at = index * STAT_FIELDS;
    this.stats[at] = stat.dev;
    this.stats[at + 1] = stat.ino;
    this.stats[at + 2] = stat.size;
    this.stats[at + 3] = stat.mtimeNs;
    this.stats[at + 4] = stat.ctimeNs;
  }

  /** What {@link setStat} was told. */
  condition(index: number): FileCondition {
    const at = index * STAT_FIELDS;
    const field = (i: number): bigint => this.stats[at + i] as bigint;
    return { dev: field(0), ino: field(1), size: field(2), mtimeNs: field(3), ctimeNs: field(4) };
  }

  /** Whether the file is still in the condition recorded. */
  isSame(index: number, stat: FileCondition): boolean {
    return sameStat(this.stats, index, stat);
  }

  get count(): number {
    return this.paths.length;
  }

  /** Bytes. */
  size(index: number): number {
    return Number(this.stats[index * STAT_FIELDS + SIZE]);
  }

  /** Bytes of all files. */
  get totalSize(): number {
    let sum = 0;
    for (let i = 0; i < this.count; i++) sum += this.size(i);
    return sum;
  }

  /** The hash, once it is known. */
  md5(index: number): string {
    const md5 = this.hashes[index];
    if (md5 === undefined) throw new Error(`'${this.paths[index] ?? ""}' was not hashed`);
    return md5;
  }
}

/** Whether `stat` has the fields that stand at `index` of a column of stats. */
export function sameStat(stats: BigUint64Array, index: number, stat: FileCondition): boolean {
  const at = index * STAT_FIELDS;
  return (
    stats[at + 4] === stat.ctimeNs &&
    stats[at + 3] === stat.mtimeNs &&
    stats[at + 2] === stat.size &&
    stats[at + 1] === stat.ino &&
    stats[at] === stat.dev
  );
}
