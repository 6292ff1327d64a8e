import type { CallOptions } from "../base/events.ts";
import type { Environment } from "../base/platform.ts";
import { pyRepr } from "../formats/pyValues.ts";
import type { Config, ConfigLevel } from "../repo/config.ts";
import {
  drop,
  levelsOf,
  type OpenedConfig,
  openConfig,
  type OptionRecord,
  put,
  requireOption,
  sectionIn,
  sectionMadeIn,
  type SectionRecord,
  shownFile,
} from "../repo/editConfig.ts";
import { maskSecrets } from "../repo/secrets.ts";

export type { ConfigLevel };

/** Which file to work on. */
export interface ConfigOptions extends CallOptions {
  /** Default: read all levels merged, write the project's. */
  readonly level?: ConfigLevel;
}

/** One setting and where it is. `key` is `core.remote` or `remote.NAME.url`. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: string;
  readonly level: ConfigLevel;
  /** Relative to the project's root for the project's own files. */
  readonly file: string;
}

/**
 * Lists settings level by level: system, global, project, local. Paths are absolute; secrets are masked.
 * @throws {ConfigError} for a project's level outside of a project
 */
export function listConfig(env: Environment, options: ConfigOptions = {}): Promise<ConfigEntry[]> {
  const opened = openConfig(env, options);
  const entries = levelsOf(opened, options.level).flatMap((level) =>
    flatten(opened.config, namedFirst(opened.config.read(level) as SectionRecord)).map(([key, value]) =>
      entryOf(opened, level, key, maskSecrets(key, value)),
    ),
  );
  return Promise.resolve(entries);
}

/** DVC lists remotes and databases before the other sections. */
function namedFirst({ remote = {}, machine = {}, db = {}, ...others }: SectionRecord): SectionRecord {
  return { remote, machine, db, ...others };
}

/**
 * Finds the effective value of an option; undefined when it is not set.
 * @param section `core` and the like, `remote.NAME` or `db.NAME`
 * @throws {ConfigError} when a level was asked for that lacks it
 */
export function getConfig(
  env: Environment,
  section: string,
  option: string,
  options: ConfigOptions = {},
): Promise<ConfigEntry | undefined> {
  const opened = openConfig(env, options);
  for (const level of [...levelsOf(opened, options.level)].reverse()) {
    const sections = opened.config.read(level) as SectionRecord;
    const found = options.level === undefined ? sectionIn(sections, section) : requireOption(sections, section, option);
    if (found === undefined || !Object.hasOwn(found, option)) continue;
    const key = `${section}.${option}`;
    return Promise.resolve(entryOf(opened, level, key, valueText(key, found[option] ?? "")));
  }
  return Promise.resolve(undefined);
}

/** Sets an option. @throws {ConfigError} when the result is invalid; nothing is written then */
export function setConfig(
  env: Environment,
  section: string,
  option: string,
  value: string,
  options: ConfigOptions = {},
): Promise<void> {
  openConfig(env, options).config.edit(options.level ?? "project", (sections) => {
    put(sectionMadeIn(sections as SectionRecord, section), option, value);
  });
  return Promise.resolve();
}

/** Removes an option. @throws {ConfigError} when the level lacks it */
export function unsetConfig(
  env: Environment,
  section: string,
  option: string,
  options: ConfigOptions = {},
): Promise<void> {
  openConfig(env, options).config.edit(options.level ?? "project", (sections) => {
    drop(requireOption(sections as SectionRecord, section, option), option);
  });
  return Promise.resolve();
}

function entryOf(opened: OpenedConfig, level: ConfigLevel, key: string, value: string): ConfigEntry {
  return { key, value, level, file: shownFile(opened, level) };
}

/** A value as DVC prints it; a section within a section (`remote.NAME`) is a mapping, without its secrets. */
function valueText(key: string, value: string | OptionRecord): string {
  if (typeof value === "string") return value;
  return pyRepr(
    Object.fromEntries(Object.entries(value).map(([name, text]) => [name, maskSecrets(`${key}.${name}`, text)])),
  );
}

function flatten(config: Config, sections: SectionRecord): [string, string][] {
  return Object.entries(sections).flatMap(([section, options]) =>
    config
      .inOrder<string | OptionRecord>(section, options)
      .flatMap(([key, value]): [string, string][] =>
        typeof value === "string"
          ? [[`${section}.${key}`, value]]
          : Object.entries(value).map(([option, inner]): [string, string] => [`${section}.${key}.${option}`, inner]),
      ),
  );
}
