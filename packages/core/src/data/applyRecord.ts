import { lstatSync, readdirSync, statSync } from "node:fs";
import { GRAIN_MS, isYoung, waitUntil } from "../base/clockGrain.ts";
import { sortByCodePoint } from "../base/codePoints.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import { TextColumn } from "../base/textColumn.ts";
import type { FolderRecord } from "../odb/folderRecords.ts";
import { FOLDER_NUMBERS, HAS_NAMES, IS_LINK } from "../odb/folderRecords.ts";
import { digestAt } from "../odb/oidColumn.ts";
import { STAMP_FIELDS } from "../odb/stateTable.ts";
import { Tree } from "../odb/tree.ts";
import type { FileBatch } from "./applyFiles.ts";
import { StampColumns, unsigned } from "./applyColumns.ts";
import type { PlanItem, PlanOptions } from "./plan.ts";
import { foldersOf } from "./planScan.ts";

/** A folder of fewer files is read again in less time than it takes to make sure that nobody has to. */
const RECORD_FROM = 500;
/** Noting more files than this would take more memory than a checkout may: 100 bytes a file. */
const RECORD_TO = 2_000_000;
/** Names that a walk of a project passes over, or that change what it passes over. */
const SPECIAL_NAME = /(^|\/)\.(dvcignore|git|dvc|hg)(\/|$)/;

/** What a folder that was built whole will hold, noted while nobody else can reach it. */
export interface NewFolder {
  /** All of it, but for the times of the folder itself, which get their last values when it gets its place. */
  readonly record: FolderRecord;
  /** Names in the folder itself. */
  readonly names: ReadonlySet<string>;
  /**
   * Time in ms, a tick of the clock after the last file was written: the folder must not get its place earlier. Then
   * whatever is edited in it differs from what was noted.
   */
  readonly swapFrom: number;
}

/** What {@link noteNewFolder} is told. */
export interface NewFolderOptions {
  readonly plan: PlanOptions;
  /** Time in ms before the first object was looked at. */
  readonly begun: number;
}

/**
 * Notes the conditions of all files of a folder that was just built aside, so that the first look at it can be as short as
 * later ones.
 * @returns undefined when the folder is not new, not worth it, or holds what a walk would leave out.
 */
export function noteNewFolder(item: PlanItem, batch: FileBatch, options: NewFolderOptions): NewFolder | undefined {
  const { jobs } = item.work;
  const oid = item.wanted.hash?.value;
  if (oid === undefined || jobs.length < RECORD_FROM || jobs.length > RECORD_TO || item.wanted.within !== undefined)
    return undefined;
  if (!item.work.isFolder || item.work.folders.size > 0 || item.work.inTheWay.size > 0) return undefined;
  const swapFrom = Date.now() + GRAIN_MS + 1;
  const { relpaths, digests } = jobs;
  const folders = ["", ...sortByCodePoint([...foldersOf(relpaths, false)].map((folder) => `${folder}/`))];
  if (isAnyLeftOut(item.wanted.path, relpaths, folders, options.plan)) return undefined;
  // A manifest that another program wrote in another way has another hash than a look at the files would give.
  if (Tree.fromWalk({ relpaths, digests }).oid !== oid) return undefined;
  restatShared(batch);
  const folderStats = new BigUint64Array(folders.length * FOLDER_NUMBERS);
  const names = TextColumn.over(batch.names);
  const top = batch.staging + names.at(0).split("/", 1).join("");
  for (const [index, folder] of folders.entries()) noteFolder(`${top}/${folder}`, folderStats, index);
  const flags = batch.shared.links.slice();
  const stats = unsigned(batch.shared.built).slice();
  for (let row = 0; row < jobs.length; row++) {
    // The object that a link leads to could be edited by others all the time.
    const asOf = flags[row] === IS_LINK ? options.begun : swapFrom;
    if (isYoung({ ctimeNs: stats[row * STAMP_FIELDS + 4] as bigint }, asOf))
      stats.fill(0n, row * STAMP_FIELDS, (row + 1) * STAMP_FIELDS);
  }
  for (let at = 0; at < folderStats.length; at += FOLDER_NUMBERS)
    if (isYoung({ ctimeNs: folderStats[at + 3] as bigint }, swapFrom)) folderStats.fill(0n, at, at + FOLDER_NUMBERS);
  const size = batch.sizes.reduce((sum, one) => sum + one, 0);
  const record = { oid, size, nfiles: jobs.length, relpaths, stats, digests, flags, folders, folderStats };
  return { record, names: namesOf(relpaths), swapFrom };
}

/**
 * The record of a folder that now has its place. Its own times moved when it got there, and it is listed again, at least
 * a tick of the clock later: nobody put anything in meanwhile, or it is no record.
 */
export function recordInPlace(path: OsPath, { record, names }: NewFolder): FolderRecord | undefined {
  let ctimeNs = lstatSync(path, { bigint: true }).ctimeNs;
  waitUntil(Number(ctimeNs / 1_000_000n) + GRAIN_MS + 1);
  const now = Date.now();
  noteFolder(path, record.folderStats, 0);
  ctimeNs = record.folderStats[3] as bigint;
  if (isYoung({ ctimeNs }, now)) return undefined;
  const found = readdirSync(path);
  return found.length === names.size && found.every((name) => names.has(name)) ? record : undefined;
}

/** Whether a walk would leave out some of the files. */
function isAnyLeftOut(
  path: OsPath,
  relpaths: TextColumn,
  folders: readonly RelPath[],
  { ignore }: PlanOptions,
): boolean {
  const isFree = ignore === undefined || ignore.isFree?.(path) === true;
  for (const folder of folders)
    if (SPECIAL_NAME.test(folder) || (!isFree && ignore.dir(`${path}/${folder}`.slice(0, -1)))) return true;
  for (const rel of relpaths) if (SPECIAL_NAME.test(rel) || (!isFree && ignore.file(`${path}/${rel}`))) return true;
  return false;
}

/** Several hard links to one object: each moved the change time that was noted for those before it. */
function restatShared({ digests, names, staging, shared }: FileBatch): void {
  if (!shared.links.includes(HAS_NAMES)) return;
  const paths = TextColumn.over(names);
  const hex = Buffer.from(digests.buffer, digests.byteOffset, digests.byteLength);
  const first = new Map<string, number>();
  const built = new StampColumns(shared.built);
  const again = (index: number): void => {
    built.set(index, statSync(staging + paths.at(index), { bigint: true }));
  };
  for (let index = 0; index < paths.length; index++) {
    const oid = digestAt(hex, index);
    const other = first.get(oid);
    if (other === undefined) first.set(oid, index);
    else if (shared.links[index] === HAS_NAMES) {
      again(other);
      again(index);
    }
  }
}

function noteFolder(path: OsPath, column: BigUint64Array, index: number): void {
  const stat = lstatSync(path, { bigint: true });
  column.set([stat.dev, stat.ino, stat.mtimeNs, stat.ctimeNs], index * FOLDER_NUMBERS);
}

/** The names directly in the folder. */
function namesOf(relpaths: TextColumn): Set<string> {
  const names = new Set<string>();
  for (const rel of relpaths) names.add(rel.slice(0, (rel.indexOf("/") + 1 || rel.length + 1) - 1));
  return names;
}
