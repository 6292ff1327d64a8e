import { normalizeChecksums } from "./dvcFile.ts";
import { orderEntry } from "./entryOrder.ts";
import type { EntryMeta, FilesEntry } from "./dvcFile.ts";
import { LOCKFILE } from "./fileSchemas.ts";
import { isRecord, setKey } from "./pyValues.ts";
import { validateYaml } from "./validation.ts";
import { dumpYaml, parseYaml } from "./yaml.ts";
import { replaceKeys } from "./yamlUpdate.ts";

/** A dependency or output in dvc.lock. */
export interface LockEntry extends EntryMeta {
  path: string;
  hash?: string;
  cloud?: Record<string, EntryMeta>;
  files?: FilesEntry[];
  dataset?: Record<string, unknown>;
}

/** One stage in dvc.lock. */
export interface LockStage {
  cmd: string | unknown[];
  deps?: LockEntry[];
  params?: Record<string, Record<string, unknown>>;
  outs?: LockEntry[];
}

/** `dvc.lock`. */
export interface Lockfile {
  schema: "2.0";
  datasets?: unknown;
  stages?: Record<string, LockStage>;
}

/**
 * Reads a `dvc.lock`.
 * @param file as messages show it, e.g. `./dvc.lock`.
 * @throws {FormatError} for bad syntax or schema, in DVC's words.
 */
export function parseLockfile(text: string, file: string): Lockfile {
  const value = parseYaml(text, file);
  validateYaml(value, LOCKFILE, text, file);
  const lock = value as Lockfile;
  for (const stage of Object.values(lock.stages ?? {})) {
    stage.deps?.forEach(normalizeChecksums);
    stage.outs?.forEach(normalizeChecksums);
  }
  return lock;
}

const STAGE_ORDER = ["cmd", "deps", "params", "outs"] as const;
const ENTRY_ORDER = [
  "path",
  "hash",
  "md5",
  "checksum",
  "etag",
  "size",
  "nfiles",
  "isexec",
  "version_id",
  "cloud",
  "files",
  "dataset",
];

/**
 * Writes a `dvc.lock` byte by byte as DVC does: stages stay where they were, new ones come last, a stage that is named in
 * `changed` is replaced whole, the others keep their text. Without `changed` every stage is replaced. A new stage that is
 * in `order` comes before those that follow it there.
 * @throws {FormatError} when `previous` does not parse.
 */
export function serializeLockfile(
  value: Lockfile,
  previous?: string,
  changed?: readonly string[],
  file = "dvc.lock",
  order?: readonly string[],
): string {
  const stages: Record<string, unknown> = {};
  for (const [name, stage] of Object.entries(value.stages ?? {})) stages[name] = orderStage(stage);
  const whole: Record<string, unknown> = { schema: value.schema };
  if (value.datasets !== undefined) whole["datasets"] = value.datasets;
  whole["stages"] = stages;
  const isNew = previous === undefined || previous.trim() === "";
  const start = isNew ? dumpYaml({ ...whole, stages: {} }) : previous;
  return replaceKeys(start, whole, "stages", isNew ? undefined : changed, file, order);
}

/** The lines of one stage as they stand in a `dvc.lock` below `stages:`. */
export function lockStageText(name: string, stage: LockStage): string {
  const stages: Record<string, unknown> = {};
  setKey(stages, name, orderStage(stage));
  return dumpYaml({ stages }, { shared: true }).slice("stages:\n".length);
}

function orderStage(stage: LockStage): Record<string, unknown> {
  const ordered: Record<string, unknown> = {};
  for (const key of STAGE_ORDER) {
    const one: unknown = stage[key];
    if (one === undefined) continue;
    if (Array.isArray(one) && key !== "cmd") {
      if (one.length > 0) ordered[key] = one.map((entry) => orderEntry(entry, ENTRY_ORDER));
    } else if (key === "params" && isRecord(one) && Object.keys(one).length === 0) continue;
    else ordered[key] = one;
  }
  return ordered;
}
