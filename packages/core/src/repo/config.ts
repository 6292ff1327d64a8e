import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { compareCodePoints } from "../base/codePoints.ts";
import { ConfigError, DvcError } from "../base/errors.ts";
import { type Reporter, warn } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { type Environment, expandHome, globalConfigDir, isWindows, systemConfigDir } from "../base/platform.ts";
import {
  checkConfig,
  type ConfigSections,
  type ConfigValue,
  entriesInOrder,
  readConfig,
  serializeConfig,
} from "../formats/config.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { keepTrust } from "./trustFile.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** Where an option may be set, in the order in which later ones win. */
export type ConfigLevel = "system" | "global" | "project" | "local" | "override";

/** All levels; later ones win. `override` has no file: it is what the caller gave for this run. */
export const CONFIG_LEVELS: readonly ConfigLevel[] = ["system", "global", "project", "local", "override"];

/** The text of an option with the level that set it. */
export interface SetOption {
  readonly value: string;
  readonly level: ConfigLevel;
}

/** Sections whose options lie one level deeper, by name. */
const NAMED = new Set(["remote", "db", "machine"]);
/** Options that hold paths, relative to the folder of the file that sets them. */
const PATH_OPTIONS: Readonly<Record<string, ReadonlySet<string>>> = {
  cache: new Set(["dir"]),
  remote: new Set([
    "url",
    "gdrive_user_credentials_file",
    "gdrive_service_account_json_file_path",
    "credentialpath",
    "configpath",
    "keyfile",
    "cert_path",
    "key_path",
  ]),
  machine: new Set(["startup_script", "setup_script"]),
};

/** Options of `[feature]`: DVC's, and ours. */
const FEATURES = new Set(["machine", "repro_jobs", "trash_days"]);

type Options = Record<string, ConfigValue>;
type Sections = Record<string, Options | Record<string, Options>>;

/** Extra settings that win over all files: `--config`, `--remote`, `--remote-config` of other people's repositories. */
export interface ConfigOverrides {
  readonly sections?: ConfigSections;
  /** A config file of whose settings the same holds. */
  readonly file?: OsPath;
  readonly remote?: string;
  readonly remoteOptions?: Readonly<Record<string, string>>;
}

/** Options for {@link Config.load}. */
export interface ConfigSources {
  /** The project's `.dvc` folder; without it only the user's levels exist. */
  readonly dvcDir?: OsPath;
  /** Text of the project's config at a commit, instead of the file on disk. */
  readonly projectText?: string;
  readonly overrides?: ConfigOverrides;
  /** Check sections and options; off for the commands that repair the config. Default true. */
  readonly validate?: boolean;
  /** Hears, when settings are checked, of those that nobody knows and that do no harm. */
  readonly reporter?: Reporter;
}

/** The settings of a project: four files merged, with the level that each value comes from. */
export class Config {
  /** File of each level, whether it exists or not; the project's levels are missing outside of a project. */
  readonly files: Readonly<Partial<Record<ConfigLevel, OsPath>>>;
  readonly #environment: Environment;
  readonly #levels = new Map<ConfigLevel, Sections>();
  /** Headers of named sections in the order of the files. */
  readonly #headers = new Set<string>();
  readonly #sources: ConfigSources;
  #hasWarned = false;

  private constructor(environment: Environment, sources: ConfigSources) {
    this.#environment = environment;
    this.#sources = sources;
    const { dvcDir } = sources;
    this.files = {
      system: join(systemConfigDir(environment), "config"),
      global: join(globalConfigDir(environment), "config"),
      ...(dvcDir === undefined ? {} : { project: join(dvcDir, "config"), local: join(dvcDir, "config.local") }),
    };
  }

  /** Reads the files of all levels. @throws {ConfigError} for text that does not parse or, when asked, unknown options. */
  static load(environment: Environment, sources: ConfigSources = {}): Config {
    const config = new Config(environment, sources);
    config.#reload();
    if (sources.validate !== false) config.#check(config.read());
    return config;
  }

  /** What nobody knows is told first, even of a config that is wrong. */
  #check(sections: ConfigSections): void {
    this.#warnOfUnknown(sections);
    checkConfig(sections, undefined);
  }

  #warnOfUnknown(sections: ConfigSections): void {
    const { reporter } = this.#sources;
    const unknown = Object.keys(sections["feature"] ?? {}).filter((option) => !FEATURES.has(option));
    if (reporter === undefined || unknown.length === 0 || this.#hasWarned) return;
    this.#hasWarned = true;
    const names = unknown.sort(compareCodePoints).map((option) => `'feature.${option}'`);
    warn({ reporter }, `${names.join(", ")} config option${names.length === 1 ? " is" : "s are"} unsupported`);
  }

  #reload(): void {
    this.#levels.clear();
    this.#headers.clear();
    for (const level of CONFIG_LEVELS) {
      const file = this.files[level];
      if (file === undefined) continue;
      const text = level === "project" ? (this.#sources.projectText ?? readIfThere(file)) : readIfThere(file);
      this.#levels.set(level, text === undefined || text === "" ? {} : this.#parse(text, file));
    }
    this.#override(this.#sources.overrides);
  }

  #parse(text: string, file: OsPath): Sections {
    const { sections, headers } = readConfig(text, file);
    for (const header of headers) this.#headers.add(header);
    return this.#withAbsolutePaths(sections as Sections, file);
  }

  #withAbsolutePaths(sections: Sections, file: OsPath): Sections {
    return mapPaths(sections, (path) => this.#resolve(dirname(file), path));
  }

  #override(overrides: ConfigOverrides | undefined): void {
    if (overrides === undefined) return;
    const top: Sections = {};
    this.#levels.set("override", top);
    if (overrides.file !== undefined) {
      const text = readIfThere(overrides.file);
      if (text === undefined) throw new ConfigError(`config file error: '${overrides.file}' does not exist`);
      merge(top, this.#parse(text, overrides.file));
    }
    if (overrides.sections !== undefined) merge(top, overrides.sections as Sections);
    if (overrides.remote !== undefined) merge(top, { core: { remote: overrides.remote } });
    if (overrides.remoteOptions === undefined) return;
    const name = overrides.remote ?? this.get("core", "remote");
    if (name === undefined) throw new ConfigError("config file error: missing remote name");
    merge(top, { remote: { [name]: { ...overrides.remoteOptions } } });
  }

  /** Relative paths count from the folder of the file that holds them. */
  #resolve(folder: OsPath, path: string): string {
    if (isUrl(path) || isAbsolute(path)) return path;
    const expanded = expandHome(path, this.#environment.home);
    return isAbsolute(expanded) ? expanded : resolve(folder, isWindows ? path.replaceAll("/", sep) : path);
  }

  /** The inverse of the above, for writing. A new relative path counts from the working folder. */
  #unresolve(folder: OsPath, path: string, isOwn: boolean): string {
    if (isUrl(path) || expandHome(path, this.#environment.home) !== path) return path;
    if (isAbsolute(path) && !isOwn) return path;
    return relative(folder, resolve(this.#environment.cwd, path)).split(sep).join("/") || ".";
  }

  /** The effective value of an option. `section` is `core`, …, or `remote.NAME`. */
  get(section: string, option: string): string | undefined {
    return this.lookup(section, option)?.value;
  }

  /** The effective value of an option and where it is set. */
  lookup(section: string, option: string): SetOption | undefined {
    for (const level of [...CONFIG_LEVELS].reverse()) {
      const value = own(this.#section(level, section), option);
      if (value !== undefined) return { value: textOf(value), level };
    }
    return undefined;
  }

  /** A yes/no option; undefined when it is not set. @throws {ConfigError} for anything but true and false. */
  flag(section: string, option: string): boolean | undefined {
    const value = this.get(section, option)?.toLowerCase();
    if (value === undefined) return undefined;
    if (value !== "true" && value !== "false") {
      throw new ConfigError(
        `config file error: expected true or false for dictionary value @ data['${section}']['${option}']`,
      );
    }
    return value === "true";
  }

  /** A whole number; undefined when it is not set. @throws {ConfigError} */
  integer(section: string, option: string): number | undefined {
    const value = this.get(section, option);
    if (value === undefined) return undefined;
    if (!/^\s*[+-]?\d+\s*$/.test(value))
      throw new ConfigError(`config file error: expected int for dictionary value @ data['${section}']['${option}']`);
    return Number(value);
  }

  /** A comma-separated list; undefined when it is not set. */
  list(section: string, option: string): string[] | undefined {
    return this.get(section, option)
      ?.split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  }

  /** Names of all remotes, in the order in which the files name them. */
  remoteNames(): string[] {
    return this.inOrder<unknown>("remote", this.read().remote ?? {}).map(([name]) => name);
  }

  /** The entries of the sections of one kind (`remote`, `db`, …) in the order in which the files name them. */
  inOrder<T>(kind: string, sections: Readonly<Record<string, T>>): [string, T][] {
    return entriesInOrder(kind, sections, [...this.#headers]);
  }

  /** Every option of a remote with its level; undefined when no file names the remote. */
  remote(name: string): Map<string, SetOption> | undefined {
    const options = new Map<string, SetOption>();
    let isKnown = false;
    for (const level of CONFIG_LEVELS) {
      const section = this.#section(level, `remote.${name}`);
      if (section === undefined) continue;
      isKnown = true;
      for (const [option, value] of Object.entries(section)) options.set(option, { value: textOf(value), level });
    }
    return isKnown ? options : undefined;
  }

  #section(level: ConfigLevel, section: string): Options | undefined {
    const dot = section.indexOf(".");
    const sections = this.#levels.get(level);
    if (dot < 0) return own(sections, section) as Options | undefined;
    return own(own(sections, section.slice(0, dot)) as Record<string, Options> | undefined, section.slice(dot + 1));
  }

  /** A copy of what one level sets, or of all levels merged; paths are absolute. */
  read(level?: ConfigLevel): ConfigSections {
    const result: Sections = {};
    for (const one of CONFIG_LEVELS)
      if (level === undefined || level === one) merge(result, this.#levels.get(one) ?? {});
    return result;
  }

  /** All levels below `level` merged: what its file builds on. */
  readBelow(level: ConfigLevel): ConfigSections {
    const result: Sections = {};
    for (const one of CONFIG_LEVELS) {
      if (one === level) break;
      merge(result, this.#levels.get(one) ?? {});
    }
    return result;
  }

  /**
   * Changes the file of one level and reads it again. `change` gets the level's sections with absolute paths (a copy that
   * it may edit); relative paths that it sets count from the working folder.
   * @throws {ConfigError} when the level is invalid over those below it (nothing is written), or outside of a project; also, as
   * in DVC, when all levels together are: it is written then.
   */
  edit(level: ConfigLevel, change: (sections: ConfigSections) => void): void {
    const file = this.files[level];
    if (file === undefined) throw new ConfigError("config file error: Not inside a DVC repo");
    const { sections: typed, headers } = readConfig(readIfThere(file) ?? "", file);
    const before = this.#withAbsolutePaths(typed as Sections, file);
    const relativePaths = new Set<string>();
    // A remote that gets another name keeps its path as it was written.
    const relativeTargets = new Set<string>();
    const homePaths = new Map<string, string>();
    mapPaths(typed as Sections, (path, at) => {
      if (path.startsWith("~")) homePaths.set(at, path);
      if (isAbsolute(path)) return path;
      relativePaths.add(at);
      relativeTargets.add(this.#resolve(dirname(file), path));
      return path;
    });
    const sections = structuredClone(before);
    change(sections);
    const stored = mapPaths(sections, (path, at) => {
      const isUnchanged = valueAt(before, at) === path;
      const asTyped = isUnchanged ? homePaths.get(at) : undefined;
      const isMoved = valueAt(before, at) === undefined && relativeTargets.has(path);
      return asTyped ?? this.#unresolve(dirname(file), path, isMoved || (isUnchanged && relativePaths.has(at)));
    });
    const merged = structuredClone(this.readBelow(level)) as Sections;
    merge(merged, stored);
    this.#check(merged);
    makeFolders(dirname(file));
    const written = serializeConfig(stored, headers);
    writeFileAtomic(file, written, level === "project" ? { inside: dirname(dirname(file)) } : {});
    this.#reload();
    if (level === "project")
      keepTrust(this.#environment, dirname(dirname(file)), [before], [this.#levels.get("project") ?? {}]);
    this.#check(this.read());
  }
}

function readIfThere(file: OsPath): string | undefined {
  try {
    return readPlainText(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || error instanceof DvcError)
      throw new ConfigError(`config file error: cannot read '${file}'`, { cause: error });
    throw error;
  }
}

/** A list that stood in the file without quotes counts as the text it was. */
function textOf(value: ConfigValue): string {
  return typeof value === "string" ? value : value.join(",");
}

function isUrl(path: string): boolean {
  return /^\w+:\/\//.test(path);
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

/** `change` gets each path and a key that tells it from the others. */
function mapPaths(sections: Sections, change: (path: string, at: string) => string): Sections {
  const result = structuredClone(sections);
  const mapOne = (options: Options, names: ReadonlySet<string>, at: string): void => {
    for (const [option, value] of Object.entries(options))
      if (names.has(option) && typeof value === "string") options[option] = change(value, `${at}\0${option}`);
  };
  for (const [section, names] of Object.entries(PATH_OPTIONS)) {
    const options = own(result, section);
    if (options === undefined) continue;
    if (!NAMED.has(section)) mapOne(options as Options, names, section);
    else
      for (const [name, inner] of Object.entries(options as Record<string, Options>))
        mapOne(inner, names, `${section}\0${name}`);
  }
  return result;
}

function valueAt(sections: Sections, at: string): unknown {
  return at
    .split("\0")
    .reduce<unknown>(
      (value, key) =>
        typeof value === "object" && value !== null ? own(value as Record<string, unknown>, key) : undefined,
      sections,
    );
}

/** Copies `from` into `into`, deep; later values win. Names are data: `__proto__` is one like any other. */
function merge(into: Sections, from: Sections): void {
  const put = (target: Record<string, unknown>, key: string, value: unknown): void => {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  };
  const walk = (target: Record<string, unknown>, source: Readonly<Record<string, unknown>>): void => {
    for (const [key, value] of Object.entries(source)) {
      if (typeof value !== "object" || value === null || Array.isArray(value))
        put(target, key, Array.isArray(value) ? [...(value as unknown[])] : value);
      else {
        const known = own(target, key);
        const inner =
          typeof known === "object" && known !== null && !Array.isArray(known)
            ? (known as Record<string, unknown>)
            : {};
        put(target, key, inner);
        walk(inner, value as Record<string, unknown>);
      }
    }
  };
  walk(into, from);
}
