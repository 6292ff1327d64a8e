import { dirname, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { info } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import type { SingleStageFile } from "../formats/dvcFile.ts";
import { serializeDvcFile } from "../formats/dvcFile.ts";
import type { LockStage } from "../formats/lockfile.ts";
import { isRecord, pyEquals, setKey } from "../formats/pyValues.ts";
import { dumpYaml, parseYaml, updateYaml } from "../formats/yaml.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { removeHeldFile } from "../fs/heldFolders.ts";
import type { Viewpoint } from "./display.ts";
import { fileText, pathText, stageText } from "./display.ts";
import { readLock } from "./lockText.ts";
import type { FileData } from "./stageData.ts";
import { dvcFileData, lockData, projectData } from "./stageData.ts";
import { stageMd5 } from "./stageMd5.ts";
import type { Stage } from "./stage.ts";

/** How stages are written. `root` and `cwd` only shape messages. */
export interface SaveOptions extends CallOptions, Viewpoint {
  /** Leave an import's own checksum as it is, as `add` does. */
  readonly keepMd5?: boolean;
  /** Names of stages in the order in which dvc.lock is to hold those that it lacks yet; else new ones come last. */
  readonly order?: readonly string[];
  /** The caller flushes the folders of dvc.lock once, after its last stage: until then a crash may bring the file before back. */
  readonly noFolderSync?: boolean;
  /** Hears of each change of a file before it is made: its text before and after, undefined when it is not there. */
  readonly changing?: (file: OsPath, before: string | undefined, after: string | undefined) => void;
}

/** Files written, created or deleted, absolute, in the order of writing; what Git may be told of. */
export type Written = readonly OsPath[];

/**
 * Writes a stage back: its `.dvc` file (comments and order kept, an import's md5 renewed), or its entry in dvc.lock.
 * Nothing is written when nothing changed. Atomic per file.
 * @throws {FormatError} when the present file does not parse.
 */
export function saveStage(stage: Stage, options: SaveOptions): Written {
  return stage.name === undefined ? saveDvcFile(stage, options) : saveLocks([stage], options);
}

/** Writes many stages; those of one dvc.lock in one write. The order of files is that of first use. */
export function saveStages(stages: Iterable<Stage>, options: SaveOptions): Written {
  const written: OsPath[] = [];
  const byFile = new Map<OsPath, Stage[]>();
  for (const stage of stages) {
    if (stage.name === undefined) written.push(...saveDvcFile(stage, options));
    else byFile.set(stage.file, [...(byFile.get(stage.file) ?? []), stage]);
  }
  for (const list of byFile.values()) written.push(...saveLocks(list, options));
  return written;
}

function saveDvcFile(stage: Stage, options: SaveOptions): Written {
  const md5 = options.keepMd5 === true ? stage.md5 : stageMd5(stage);
  const data = dvcFileData({ ...stage, md5 }) as SingleStageFile;
  const previous = readPlainText(stage.file);
  const text = serializeDvcFile(data, previous, fileText(stage.file, options));
  if (text === previous) return [];
  options.changing?.(stage.file, previous, text);
  writeFileAtomic(stage.file, text, { inside: options.root });
  return [stage.file];
}

/** `stages` are of one dvc.yaml. */
function saveLocks(stages: readonly Stage[], options: SaveOptions): Written {
  const file = lockFileOf(stages[0]?.file ?? "");
  const shown = pathText(file, options);
  const previous = readPlainText(file);
  const lock = readLock(file, previous, fileText(file, options));
  if (previous === undefined) info(options, `Generating lock file '${shown}'`);
  const changed = new Map<string, LockStage>();
  for (const stage of stages) {
    const name = stage.name ?? "";
    const entry = lockData(stage) as unknown as LockStage;
    const old = Object.hasOwn(lock.stages, name) ? lock.stages[name] : undefined;
    if (old === undefined || !pyEquals(old, entry)) changed.set(name, entry);
  }
  if (changed.size === 0) return [];
  info(options, `Updating lock file '${shown}'`);
  const text = lock.with(changed, options.order);
  options.changing?.(file, previous, text);
  writeFileAtomic(file, text, { inside: options.root, noFolderSync: options.noFolderSync === true });
  return [file];
}

/** The dvc.lock beside a dvc.yaml. */
export function lockFileOf(file: OsPath): OsPath {
  return join(dirname(file), "dvc.lock");
}

/**
 * Writes the entry of a stage in its dvc.yaml (a new one is appended), or its `.dvc` file. dvc.lock is left as it is.
 * @throws {DvcError} `cannot dump a parametrized stage: …`
 */
export function saveDefinition(stage: Stage, options: SaveOptions): Written {
  if (stage.name === undefined) return saveDvcFile(stage, options);
  refuseParametrized(stage, "dump", options);
  const shown = pathText(stage.file, options);
  const previous = readPlainText(stage.file);
  const data = previous === undefined ? {} : (parseYaml(previous, fileText(stage.file, options)) as FileData);
  if (Object.keys(data).length === 0) info(options, `Creating '${shown}'`);
  const entries: Record<string, unknown> = isRecord(data["stages"]) ? { ...data["stages"] } : {};
  const action = Object.hasOwn(entries, stage.name) ? "Modifying" : "Adding";
  info(options, `${action} stage '${stage.name}' in '${shown}'`);
  setKey(entries, stage.name, projectData(stage));
  return writeYaml(stage.file, { ...data, stages: entries }, previous, options);
}

/** Writes whether the stage is frozen. @throws {DvcError} for stages with templates. */
export function saveFrozen(stage: Stage, frozen: boolean, options: SaveOptions): Written {
  return saveDefinition({ ...stage, frozen }, options);
}

/**
 * Removes a stage: deletes its `.dvc` file, or its entries in dvc.lock and dvc.yaml. A file in which nothing is left is
 * deleted.
 * @throws {DvcError} `cannot remove a parametrized stage: …`
 */
export function removeStage(stage: Stage, options: SaveOptions): Written {
  if (stage.name === undefined) {
    options.changing?.(stage.file, readPlainText(stage.file), undefined);
    removeHeldFile(options.root, stage.file);
    return [stage.file];
  }
  refuseParametrized(stage, "remove", options);
  const lock = lockFileOf(stage.file);
  return [...removeEntry(lock, stage.name, options, ["schema"]), ...removeEntry(stage.file, stage.name, options, [])];
}

function removeEntry(file: OsPath, name: string, options: SaveOptions, empty: readonly string[]): Written {
  const previous = readPlainText(file);
  if (previous === undefined) return [];
  const data = parseYaml(previous, fileText(file, options)) as FileData;
  if (!isRecord(data["stages"]) || !Object.hasOwn(data["stages"], name)) return [];
  const rest = Object.fromEntries(Object.entries(data["stages"]).filter(([key]) => key !== name));
  if (Object.keys(rest).length > 0) return writeYaml(file, { ...data, stages: rest }, previous, options);
  const others = Object.fromEntries(Object.entries(data).filter(([key]) => key !== "stages"));
  if (Object.keys(others).some((key) => !empty.includes(key))) return writeYaml(file, others, previous, options);
  options.changing?.(file, previous, undefined);
  removeHeldFile(options.root, file);
  return [file];
}

function writeYaml(file: OsPath, data: FileData, previous: string | undefined, options: SaveOptions): Written {
  const hasPrevious = previous !== undefined && previous.trim() !== "";
  const text = hasPrevious ? updateYaml(previous, data, fileText(file, options)) : dumpYaml(data);
  if (text === previous) return [];
  options.changing?.(file, previous, text);
  writeFileAtomic(file, text, { inside: options.root });
  return [file];
}

function refuseParametrized(stage: Stage, action: "dump" | "remove", view: Viewpoint): void {
  if (stage.isParametrized) throw new DvcError(`cannot ${action} a parametrized ${stageText(stage, view)}`);
}
