import { SINGLE_STAGE } from "./fileSchemas.ts";
import { orderEntry } from "./entryOrder.ts";
import { pyJsonDumps } from "./pyJson.ts";
import { isRecord, pyStr } from "./pyValues.ts";
import { validateYaml } from "./validation.ts";
import { dumpYaml, parseYaml, updateYaml } from "./yaml.ts";

/** Checksums and sizes, under DVC's own names. */
export interface EntryMeta {
  md5?: string | null;
  checksum?: string | null;
  etag?: string | null;
  size?: number;
  nfiles?: number;
  isexec?: boolean;
  version_id?: string;
}

/** One file of a folder on a version-aware remote. */
export interface FilesEntry extends EntryMeta {
  relpath: string;
  cloud?: Record<string, EntryMeta>;
}

/** What outputs and dependencies share. */
export interface DataEntry extends EntryMeta {
  path?: string;
  persist?: boolean;
  cloud?: Record<string, EntryMeta>;
  hash?: string;
  files?: FilesEntry[];
  fs_config?: Record<string, unknown>;
}

/** An entry of `outs`. */
export interface OutEntry extends DataEntry {
  cache?: boolean;
  remote?: string;
  push?: boolean;
  desc?: string;
  type?: string;
  labels?: string[];
  meta?: unknown;
}

/** `repo` of an import. */
export interface RepoEntry {
  url: string;
  rev?: string;
  rev_lock?: string;
  config?: string | Record<string, unknown>;
  remote?: string | Record<string, unknown>;
}

/** An entry of `deps`. */
export interface DepEntry extends DataEntry {
  repo?: RepoEntry;
  db?: { query?: string; connection?: string; file_format?: string; table?: string };
}

/** A `.dvc` file, with DVC's key names, as it stands in the file (nothing defaulted). */
export interface SingleStageFile {
  md5?: string | null;
  wdir?: string | null;
  /** Old name of `frozen`. */
  locked?: boolean;
  frozen?: boolean;
  desc?: string;
  meta?: unknown;
  always_changed?: boolean;
  deps?: DepEntry[] | null;
  outs?: OutEntry[] | null;
}

/**
 * Reads a `.dvc` file. Checksums (not etags) come lower-cased, integers among them as text. An empty file is a stage without outputs.
 * @param file as messages show it, e.g. `./data.dvc`.
 * @throws {FormatError} for bad syntax or schema, in DVC's words.
 */
export function parseDvcFile(text: string, file: string): SingleStageFile {
  const value = parseYaml(text, file);
  validateYaml(value, SINGLE_STAGE, text, file);
  const stage = value as SingleStageFile;
  normalizeChecksums(stage);
  stage.outs?.forEach(normalizeChecksums);
  stage.deps?.forEach(normalizeChecksums);
  return stage;
}

/** Brings checksums into the form that the rest works with. Changes `entry`. */
export function normalizeChecksums(entry: EntryMeta & { files?: FilesEntry[] }): void {
  for (const name of ["md5", "checksum", "etag"] as const) {
    const value: unknown = entry[name];
    if (value === undefined || value === null) continue;
    const text = typeof value === "string" ? value : pyStr(value);
    entry[name] = text === "" ? null : name === "etag" ? text : text.toLowerCase();
  }
  entry.files?.forEach(normalizeChecksums);
}

const TOP_ORDER = ["desc", "md5", "wdir", "frozen", "deps", "outs", "always_changed", "meta"] as const;
const ENTRY_ORDER = [
  "md5",
  "checksum",
  "etag",
  "size",
  "nfiles",
  "isexec",
  "version_id",
  "cloud",
  "hash",
  "path",
  "repo",
  "db",
  "fs_config",
  "desc",
  "type",
  "labels",
  "meta",
  "cache",
  "metric",
  "plot",
  "persist",
  "remote",
  "push",
  "files",
];

/**
 * Writes a `.dvc` file byte by byte as DVC does. With the text that stood there before, comments, key order and what did
 * not change are kept.
 * @throws {FormatError} when `previous` does not parse.
 */
export function serializeDvcFile(value: SingleStageFile, previous?: string, file = ".dvc"): string {
  const ordered = orderStage(value);
  return previous === undefined || previous.trim() === "" ? dumpYaml(ordered) : updateYaml(previous, ordered, file);
}

function orderStage(value: SingleStageFile): Record<string, unknown> {
  const ordered: Record<string, unknown> = {};
  for (const key of TOP_ORDER) {
    const one: unknown = value[key];
    if (one === undefined || one === null || one === "" || one === false) continue;
    if (Array.isArray(one)) {
      if (one.length > 0) ordered[key] = one.map((entry) => orderEntry(entry, ENTRY_ORDER));
    } else if (key === "meta" && isRecord(one) && Object.keys(one).length === 0) continue;
    else ordered[key] = one;
  }
  return ordered;
}

const NOT_HASHED = new Set([
  "desc",
  "type",
  "labels",
  "meta",
  "locked",
  "frozen",
  "metric",
  "persist",
  "isexec",
  "size",
  "nfiles",
]);

/** The text whose md5 is the stage's checksum (top-level `md5` of imports). */
export function stageChecksum(file: SingleStageFile): string {
  const { md5: _md5, wdir, ...rest } = orderStage(file);
  return pyJsonDumps(withoutNotes({ ...rest, ...(wdir === undefined || wdir === "." ? {} : { wdir }) }), {
    sortKeys: true,
  });
}

function withoutNotes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNotes);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !NOT_HASHED.has(key))
      .map(([key, one]) => [key, withoutNotes(one)]),
  );
}
