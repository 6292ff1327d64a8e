import { join, relative } from "node:path";
import { ConfigError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { Config, CONFIG_LEVELS, type ConfigLevel } from "./config.ts";
import { DVC_DIR, findProjectRoot } from "./projectRoot.ts";

/** Options of one section. */
export type OptionRecord = Record<string, string>;
/** Sections as `Config` hands them out: `core` and the like hold options, `remote` and `db` hold sections by name. */
export type SectionRecord = Record<string, OptionRecord | Record<string, OptionRecord>>;

/** The configuration as the commands see it that repair it: unchecked, also outside of a project. */
export interface OpenedConfig {
  readonly config: Config;
  /** Root of the project; undefined outside of one. */
  readonly root: OsPath | undefined;
}

/** Opens the configuration around the working folder without checking it. */
export function openConfig(env: Environment, { reporter }: CallOptions = {}): OpenedConfig {
  const root = findProjectRoot(env.cwd);
  const config = Config.load(env, {
    validate: false,
    ...(root === undefined ? {} : { dvcDir: join(root, DVC_DIR) }),
    ...(reporter === undefined ? {} : { reporter }),
  });
  return { config, root };
}

/** The levels to look at, later ones winning. @throws {ConfigError} for a project's level outside of a project. */
export function levelsOf(opened: OpenedConfig, level: ConfigLevel | undefined): readonly ConfigLevel[] {
  if (level === undefined) return CONFIG_LEVELS.filter((one) => opened.config.files[one] !== undefined);
  if (opened.config.files[level] === undefined) throw new ConfigError("config file error: Not inside a DVC repo");
  return [level];
}

/** The options of a section (`core`, `remote.NAME`); undefined when the sections lack it. */
export function sectionIn(sections: SectionRecord, section: string): OptionRecord | undefined {
  const [top, name] = splitSection(section);
  const found = Object.hasOwn(sections, top) ? sections[top] : undefined;
  if (name === undefined) return found as OptionRecord | undefined;
  const named = found as Record<string, OptionRecord> | undefined;
  return named !== undefined && Object.hasOwn(named, name) ? named[name] : undefined;
}

/** The same; made when it is lacking. */
export function sectionMadeIn(sections: SectionRecord, section: string): OptionRecord {
  const found = sectionIn(sections, section);
  if (found !== undefined) return found;
  const [top, name] = splitSection(section);
  const made: OptionRecord = {};
  if (name === undefined) put<unknown>(sections, top, made);
  else {
    if (!Object.hasOwn(sections, top)) put(sections, top, {});
    put(sections[top] as Record<string, OptionRecord>, name, made);
  }
  return made;
}

/** Sets a key as data, whatever its name (`__proto__` is one like any other). */
export function put<T>(record: Record<string, T>, key: string, value: T): void {
  Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Removes a key. */
export function drop(record: Record<string, unknown>, key: string): void {
  Reflect.deleteProperty(record, key);
}

/** The sections of all levels up to `level` merged (`undefined`: of all). */
export function mergedUpTo(config: Config, level: ConfigLevel | undefined): SectionRecord {
  if (level === undefined) return config.read() as SectionRecord;
  const merged = structuredClone(config.readBelow(level)) as SectionRecord;
  for (const [section, options] of Object.entries(config.read(level) as SectionRecord)) {
    for (const [key, value] of Object.entries<string | OptionRecord>(options)) {
      const into = Object.hasOwn(merged, section) ? merged[section] : undefined;
      if (into === undefined) put<unknown>(merged, section, { [key]: value });
      else if (typeof value === "string") put(into as OptionRecord, key, value);
      else put(into as Record<string, OptionRecord>, key, { ...(into as Record<string, OptionRecord>)[key], ...value });
    }
  }
  return merged;
}

/** How a level's file is named to a person: relative to the project's root for the project's own. */
export function shownFile(opened: OpenedConfig, level: ConfigLevel): string {
  const file = opened.config.files[level] ?? "";
  return opened.root === undefined || (level !== "project" && level !== "local") ? file : relative(opened.root, file);
}

/** Sections that DVC takes as present, though empty, in every file. */
const ALWAYS_THERE = new Set([
  "core",
  "cache",
  "remote",
  "machine",
  "db",
  "state",
  "index",
  "parsing",
  "hydra",
  "studio",
  "plots",
  "exp",
  "feature",
]);

/** @throws {ConfigError} with DVC's text when the section, or the option in it, is not there. */
export function requireOption(sections: SectionRecord, section: string, option?: string): OptionRecord {
  const [top, name] = splitSection(section);
  const [kind, shown] = name === undefined ? ["section", top] : [top, name];
  const found = sectionIn(sections, section) ?? (ALWAYS_THERE.has(section) ? {} : undefined);
  if (found === undefined) throw new ConfigError(`config file error: ${kind} '${shown}' doesn't exist`);
  if (option !== undefined && !Object.hasOwn(found, option)) {
    throw new ConfigError(`config file error: option '${option}' doesn't exist in ${kind} '${shown}'`);
  }
  return found;
}

function splitSection(section: string): [string, string | undefined] {
  const match = /^(remote|db|machine)\.(.*)$/s.exec(section);
  return match === null ? [section, undefined] : [match[1] ?? "", match[2] ?? ""];
}
