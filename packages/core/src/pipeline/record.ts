import { FormatError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { HashInfo, HashName } from "../hash/hashInfo.ts";
import { isOid } from "../hash/hashInfo.ts";
import { md5Bytes } from "../hash/md5.ts";
import { pyJsonDumps } from "../formats/pyJson.ts";
import type { Meta } from "../odb/meta.ts";
import { Tree, type TreeEntry } from "../odb/tree.ts";
import type { Location } from "./location.ts";
import { storageHashName } from "./location.ts";
import type { Annotation } from "./stage.ts";

/** Mapping as parsed from a file; DVC's own key names. */
export type Entry = Readonly<Record<string, unknown>>;

/** What a file recorded of an output or dependency: its hash, its size and what only storages know. */
export interface Recorded {
  readonly hash: HashInfo | undefined;
  readonly hashName: HashName;
  readonly meta: Meta;
  readonly extra: Readonly<Record<string, unknown>>;
  /** A folder whose files are listed in the entry itself (`files`): it has no manifest's hash there. */
  readonly tree?: Tree;
}

/** Recorded state of something new. */
export function nothingRecorded(location: Location): Recorded {
  return {
    hash: undefined,
    hashName: location.isInRepo ? "md5" : storageHashName(location.path),
    meta: {},
    extra: {},
  };
}

/**
 * Reads hash and meta of an entry of a `.dvc` file or of dvc.lock. Without the key `hash` it is an entry of DVC 2.x.
 * @throws {FormatError} for an md5 that is no hash.
 */
export function readRecorded(entry: Entry, location: Location, file: OsPath): Recorded {
  const hashName: HashName = location.isInRepo
    ? entry["hash"] === undefined || entry["hash"] === "md5-dos2unix"
      ? "md5-dos2unix"
      : "md5"
    : storageHashName(location.path);
  const extra = readExtra(entry);
  const tree = treeOfFiles(entry["files"], file);
  if (tree !== undefined) {
    const size = tree.entries.reduce((sum, one) => sum + (one.size ?? 0), 0);
    return { hash: { name: "md5", value: tree.oid }, hashName, meta: { size, nfiles: tree.nfiles }, extra, tree };
  }
  const ofFiles = hashOfFiles(entry["files"], hashName);
  if (ofFiles !== undefined) return { hash: ofFiles, hashName, meta: readMeta(entry), extra };
  return { hash: readHash(entry, hashName, location, file), hashName, meta: readMeta(entry), extra };
}

/** What stands for a folder on a storage: the md5 of the list of its files' own checksums. */
export function storageFolderHash(files: readonly Entry[], hashName: HashName): HashInfo {
  const list = files.map((one) => ({ [hashName]: textOf(one[hashName]) ?? "", relpath: String(one["relpath"]) }));
  return { name: "md5", value: `${md5Bytes(Buffer.from(pyJsonDumps(list, { sortKeys: true })))}.dir` };
}

function hashOfFiles(files: unknown, hashName: HashName): HashInfo | undefined {
  if (!Array.isArray(files) || (hashName !== "etag" && hashName !== "checksum")) return undefined;
  return storageFolderHash(files as Entry[], hashName);
}

/** The manifest that a list of files stands for; undefined when there is no list, or one without hashes of our kind. */
function treeOfFiles(files: unknown, file: OsPath): Tree | undefined {
  if (!Array.isArray(files)) return undefined;
  const entries: TreeEntry[] = [];
  for (const { relpath, md5, size } of files as Entry[]) {
    const hex = textOf(md5)?.toLowerCase();
    if (hex === undefined) return undefined;
    if (!isOid(hex))
      throw new FormatError(`'${hex}' is not a valid md5 of '${String(relpath)}' in '${file}'.`, { file });
    entries.push({ relpath: String(relpath), md5: hex, ...(typeof size === "number" ? { size } : {}) });
  }
  return Tree.from(entries, file);
}

function readHash(entry: Entry, hashName: HashName, location: Location, file: OsPath): HashInfo | undefined {
  const md5 = textOf(entry["md5"])?.toLowerCase();
  if (md5 !== undefined && !isOid(md5)) {
    throw new FormatError(`'${md5}' is not a valid md5 of '${location.defPath}' in '${file}'.`, { file });
  }
  const own = hashName === "etag" || hashName === "checksum" ? textOf(entry[hashName]) : md5;
  if (own !== undefined) return { name: hashName, value: hashName === "checksum" ? own.toLowerCase() : own };
  // A folder on a storage has the md5 of its manifest instead.
  return md5?.endsWith(".dir") === true ? { name: "md5", value: md5 } : undefined;
}

/** Text of a checksum; a bare number is one that lost its quotes. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" || typeof value === "bigint" ? String(value) : undefined;
}

function readMeta(entry: Entry): Meta {
  const meta: { -readonly [K in keyof Meta]: Meta[K] } = {};
  if (typeof entry["size"] === "number") meta.size = entry["size"];
  if (typeof entry["nfiles"] === "number") meta.nfiles = entry["nfiles"];
  if (entry["isexec"] === true) meta.isexec = true;
  if (typeof entry["version_id"] === "string") meta.versionId = entry["version_id"];
  if (typeof entry["etag"] === "string" && entry["etag"] !== "") meta.etag = entry["etag"];
  const checksum = textOf(entry["checksum"]);
  if (checksum !== undefined) meta.checksum = checksum;
  return meta;
}

function readExtra(entry: Entry): Record<string, unknown> {
  const extra: Record<string, unknown> = {};
  for (const key of ["cloud", "files", "fs_config"]) if (entry[key] !== undefined) extra[key] = entry[key];
  return extra;
}

/** Reads the notes of an output. Empty ones are dropped, as DVC does. */
export function readAnnotation(entry: Entry): Annotation {
  const note: { -readonly [K in keyof Annotation]: Annotation[K] } = {};
  if (typeof entry["desc"] === "string" && entry["desc"] !== "") note.desc = entry["desc"];
  if (typeof entry["type"] === "string" && entry["type"] !== "") note.type = entry["type"];
  const labels = entry["labels"];
  if (Array.isArray(labels) && labels.length > 0) note.labels = labels.map(String);
  if (!isEmptyValue(entry["meta"])) note.meta = entry["meta"];
  return note;
}

/** Whether Python would call the value false: such fields are left out of files. */
export function isEmptyValue(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "" || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && !(value instanceof Date) && Object.keys(value).length === 0;
}
