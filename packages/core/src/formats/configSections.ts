/** A value as it stands in the file: text, or a list where commas stand outside of quotes. */
export type ConfigValue = string | string[];
/** The options of one section. */
export type ConfigSection = Record<string, ConfigValue>;
/**
 * A config file: sections by name, in the order of the file. `remote`, `machine` and `db` hold one section per name, and are
 * missing when there is none. All names are lower case.
 */
export interface ConfigSections {
  [section: string]: ConfigSection | Record<string, ConfigSection> | ConfigValue | undefined;
  core?: ConfigSection;
  cache?: ConfigSection;
  remote?: Record<string, ConfigSection>;
  machine?: Record<string, ConfigSection>;
  db?: Record<string, ConfigSection>;
}
