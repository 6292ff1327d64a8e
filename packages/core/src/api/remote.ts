import type { CallOptions } from "../base/events.ts";
import { ConfigError } from "../base/errors.ts";
import type { Environment } from "../base/platform.ts";
import { type Config, CONFIG_LEVELS, type ConfigLevel } from "../repo/config.ts";
import {
  drop,
  levelsOf,
  mergedUpTo,
  type OpenedConfig,
  openConfig,
  type OptionRecord,
  put,
  sectionIn,
  sectionMadeIn,
  type SectionRecord,
} from "../repo/editConfig.ts";
import { maskSecrets } from "../repo/secrets.ts";

/** Which file to work on. */
export interface RemoteOptions extends CallOptions {
  /** Default: read all levels merged, write the project's. */
  readonly level?: ConfigLevel;
}

/** Options of {@link addRemote}. */
export interface AddRemoteOptions extends RemoteOptions {
  readonly isDefault?: boolean;
  /** Replace a remote of this name. */
  readonly force?: boolean;
}

/** A remote of the configuration. `url` is absolute for a folder. */
export interface RemoteEntry {
  readonly name: string;
  readonly url: string;
  readonly isDefault: boolean;
}

/**
 * Adds a remote. A relative path counts from the working folder.
 * @throws {ConfigError} when the level has one of this name and not `force`, or the URL is of an unknown kind
 */
export function addRemote(
  env: Environment,
  name: string,
  url: string,
  options: AddRemoteOptions = {},
): Promise<RemoteEntry> {
  const isDefault = options.isDefault === true;
  edit(openConfig(env, options).config, options.level, (sections) => {
    if (sectionIn(sections, `remote.${name}`) !== undefined && options.force !== true) {
      throw new ConfigError(`config file error: remote '${name}' already exists. Use \`-f|--force\` to overwrite it.`);
    }
    put(remotesIn(sections), name, { url });
    if (isDefault) put(sectionMadeIn(sections, "core"), "remote", name);
  });
  return Promise.resolve({ name, url, isDefault });
}

/**
 * Shows (no `name`), sets or unsets the default remote; resolves to the one that is set now.
 * @throws {ConfigError} when `name` is no remote
 */
export function defaultRemote(
  env: Environment,
  name: string | undefined,
  options: RemoteOptions & { readonly unset?: boolean } = {},
): Promise<{ readonly remote: string | undefined }> {
  const opened = openConfig(env, options);
  if (name === undefined && options.unset !== true) {
    levelsOf(opened, options.level);
    return Promise.resolve({
      remote: sectionIn(opened.config.read(options.level) as SectionRecord, "core")?.["remote"],
    });
  }
  edit(opened.config, options.level, (sections) => {
    if (options.unset === true) {
      const core = sectionIn(sections, "core");
      if (core !== undefined) drop(core, "remote");
      return;
    }
    const isKnown = [sections, mergedUpTo(opened.config, options.level)].some(
      (one) => sectionIn(one, `remote.${name ?? ""}`) !== undefined,
    );
    if (!isKnown) throw new ConfigError("config file error: default remote must be present in remote list.");
    put(sectionMadeIn(sections, "core"), "remote", name ?? "");
  });
  return Promise.resolve({ remote: options.unset === true ? undefined : name });
}

/**
 * Sets an option of a remote; removes it when `value` is undefined.
 * @param value null: none was given, which is refused
 * @throws {ConfigError} when there is no such remote, or the option or its value is invalid
 */
export function modifyRemote(
  env: Environment,
  name: string,
  option: string,
  value: string | null | undefined,
  options: RemoteOptions = {},
): Promise<void> {
  const { config } = openConfig(env, options);
  const known = mergedUpTo(config, options.level ?? "project");
  edit(config, options.level, (sections) => {
    requireRemote(known, name);
    const remote = sectionMadeIn(sections, `remote.${name}`);
    if (value === null) throw new ConfigError(`config file error: no value given for option '${option}'`);
    if (value === undefined) drop(remote, option);
    else put(remote, option, value);
  });
  return Promise.resolve();
}

/** Lists the remotes in the order of the files; a password in a URL is masked. */
export function listRemotes(env: Environment, options: RemoteOptions = {}): Promise<RemoteEntry[]> {
  const opened = openConfig(env, options);
  levelsOf(opened, options.level);
  const sections = opened.config.read(options.level) as SectionRecord;
  const byDefault = sectionIn(sections, "core")?.["remote"];
  const remotes = opened.config.inOrder("remote", remotesIn(sections));
  return Promise.resolve(
    remotes.map(([name, remote]) => ({
      name,
      url: maskSecrets("url", remote["url"] ?? ""),
      isDefault: name === byDefault,
    })),
  );
}

/** Removes a remote, and the settings that make it the default one. @throws {ConfigError} when the level lacks it */
export function removeRemote(env: Environment, name: string, options: RemoteOptions = {}): Promise<void> {
  const opened = openConfig(env, options);
  const { config } = opened;
  const forgetDefault = (sections: SectionRecord): void => {
    const core = sectionIn(sections, "core");
    if (core?.["remote"] === name) drop(core, "remote");
  };
  requireAtLevel(opened, options.level, name);
  editDefaultAbove(config, options.level, name, forgetDefault);
  edit(config, options.level, (sections) => {
    requireRemote(sections, name);
    drop(remotesIn(sections), name);
    forgetDefault(sections);
  });
  return Promise.resolve();
}

/** Renames a remote and what points to it. @throws {ConfigError} when the level lacks it or the new name is taken */
export function renameRemote(
  env: Environment,
  name: string,
  newName: string,
  options: RemoteOptions = {},
): Promise<void> {
  const opened = openConfig(env, options);
  const { config } = opened;
  if (sectionIn(config.read() as SectionRecord, `remote.${newName}`) !== undefined) {
    throw new ConfigError(`config file error: Rename failed. Remote name '${newName}' already exists.`);
  }
  const renameDefault = (sections: SectionRecord): void => {
    const core = sectionIn(sections, "core");
    if (core?.["remote"] === name) put(core, "remote", newName);
  };
  requireAtLevel(opened, options.level, name);
  editDefaultAbove(config, options.level, name, renameDefault);
  edit(config, options.level, (sections) => {
    const remote = requireRemote(sections, name);
    const remotes = remotesIn(sections);
    put(remotes, newName, remote);
    drop(remotes, name);
    renameDefault(sections);
  });
  return Promise.resolve();
}

function edit(config: Config, level: ConfigLevel | undefined, change: (sections: SectionRecord) => void): void {
  config.edit(level ?? "project", (sections) => {
    change(sections as SectionRecord);
  });
}

/** Changes the default where the levels that win over `level` name `name`; before the remote itself, so that a run cut short can be repeated. */
function editDefaultAbove(
  config: Config,
  level: ConfigLevel | undefined,
  name: string,
  change: (sections: SectionRecord) => void,
): void {
  const all = CONFIG_LEVELS.filter((one) => config.files[one] !== undefined);
  for (const above of all.slice(all.indexOf(level ?? "project") + 1)) {
    if (sectionIn(config.read(above) as SectionRecord, "core")?.["remote"] === name) edit(config, above, change);
  }
}

function remotesIn(sections: SectionRecord): Record<string, OptionRecord> {
  if (!Object.hasOwn(sections, "remote")) put(sections, "remote", {});
  return sections["remote"] as Record<string, OptionRecord>;
}

function requireAtLevel(opened: OpenedConfig, level: ConfigLevel | undefined, name: string): void {
  for (const one of levelsOf(opened, level ?? "project")) requireRemote(opened.config.read(one) as SectionRecord, name);
}

function requireRemote(sections: SectionRecord, name: string): OptionRecord {
  const found = sectionIn(sections, `remote.${name}`);
  if (found === undefined) throw new ConfigError(`config file error: remote '${name}' doesn't exist.`);
  return found;
}
