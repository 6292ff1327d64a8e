import { readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { parseLockfile } from "../formats/lockfile.ts";
import { pyJsonDumps } from "../formats/pyJson.ts";
import { isRecord, PyDate, setKey } from "../formats/pyValues.ts";
import { dumpYaml, parseYaml } from "../formats/yaml.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { isCallback } from "./changed.ts";
import type { Entry } from "./record.ts";
import type { FileData } from "./stageData.ts";
import { lockData } from "./stageData.ts";
import type { Stage } from "./stage.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** Names of a run in the run cache: `runs/<first two of key>/<key>/<value>`, both SHA-256 in hex. */
export interface RunName {
  /** What went in: command, dependencies, parameters and the paths of the outputs. */
  readonly key: string;
  /** What went in and came out. */
  readonly value: string;
}

/** Whether runs of a stage may be kept: everything it reads and writes is local and known. */
export function isRunCacheable(stage: Stage): boolean {
  if (stage.cmd === undefined || stage.cmd.length === 0 || isCallback(stage) || stage.alwaysChanged) return false;
  if (stage.deps.length === 0 || stage.outs.length === 0) return false;
  const depsKnown = stage.deps.every((dep) => {
    if (dep.kind === "params") return dep.locked !== undefined;
    return dep.kind === "file" && dep.isLocal && dep.hash !== undefined;
  });
  return depsKnown && stage.outs.every((out) => out.isLocal && out.isInRepo && !out.persist);
}

/** The name of a run, from the stage's entry as it stands in dvc.lock. */
export function runName(entry: Entry): RunName {
  const counted = without(entry, SIZES) as FileData;
  const outs = Array.isArray(counted["outs"]) ? (counted["outs"] as Entry[]) : [];
  return {
    key: sha256(pyJsonDumps({ ...counted, outs: outs.map((out) => out["path"]) }, { sortKeys: true })),
    value: sha256(pyJsonDumps(counted, { sortKeys: true })),
  };
}

/** Hex digest of a text. Loads `node:crypto` only when called. */
function sha256(text: string): string {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest("hex");
}

const SIZES: ReadonlySet<string> = new Set(["size", "nfiles"]);

/** A copy of `value` without some keys, at every depth. */
function without(value: unknown, keys: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => without(one, keys));
  // JSON has no dates: DVC fails on them.
  if (value instanceof PyDate) return value.text;
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) if (!keys.has(key)) setKey(result, key, without(one, keys));
  return result;
}

/** Folder of the runs with one key. */
function keyFolder(runs: OsPath, key: string): OsPath {
  return join(runs, key.slice(0, 2), key);
}

/**
 * Keeps a run that ended well. `runs` is the folder `runs` of the cache. Returns its file, undefined when the stage does
 * not qualify or the run is there already.
 */
export function saveRun(runs: OsPath, stage: Stage): OsPath | undefined {
  if (!isRunCacheable(stage)) return undefined;
  const entry = lockData(stage);
  const { key, value } = runName(entry);
  const file = join(keyFolder(runs, key), value);
  if (readRun(file) !== undefined) return undefined;
  makeFolders(dirname(file));
  // A run that a crash of the machine loses only has to run again; what is torn is found when it is read.
  writeFileAtomic(file, dumpYaml(entry, { shared: true }), { noSync: true, inside: runs });
  return file;
}

/**
 * The newest run with the same input as `stage` (its dependencies and parameters as they are now): the entry for dvc.lock
 * with the hashes of the outputs. Undefined when there is none. A damaged file is removed, as DVC does.
 */
export function findRun(runs: OsPath, stage: Stage): Entry | undefined {
  if (!isRunCacheable(stage)) return undefined;
  const folder = keyFolder(runs, runName(lockData(stage)).key);
  const newest = namesIn(folder)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((name) => ({ file: join(folder, name), changed: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.changed - a.changed)[0];
  return newest === undefined ? undefined : readRun(newest.file);
}

function namesIn(folder: OsPath): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function readRun(file: OsPath): Entry | undefined {
  try {
    const text = readPlainText(file);
    if (text === undefined) return undefined;
    const entry = parseYaml(text, file);
    // The schema of a stage in dvc.lock is the schema of a run.
    const checked = parseLockfile(dumpYaml({ schema: "2.0", stages: { run: entry } }), file);
    return checked.stages?.["run"] as unknown as Entry;
  } catch (error) {
    // What the machine refuses says nothing about the file.
    if (!(error instanceof DvcError)) throw error;
    rmSync(file, { force: true });
    return undefined;
  }
}
