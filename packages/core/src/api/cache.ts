import { join } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { ConfigError } from "../base/errors.ts";
import type { Environment } from "../base/platform.ts";
import type { ConfigLevel } from "../repo/config.ts";
import {
  drop,
  levelsOf,
  openConfig,
  put,
  requireOption,
  sectionIn,
  sectionMadeIn,
  type SectionRecord,
} from "../repo/editConfig.ts";
import { DVC_DIR } from "../repo/projectRoot.ts";

/** Options of {@link cacheDir}. */
export interface CacheDirOptions extends CallOptions {
  readonly level?: ConfigLevel;
  /** Go back to the default folder. */
  readonly unset?: boolean;
}

/**
 * Shows (no `dir`), sets or unsets where the cache is. A relative path counts from the working folder.
 * @throws {ConfigError} when a level was asked for that does not set it, or outside of a project
 */
export function cacheDir(
  env: Environment,
  dir: string | undefined,
  options: CacheDirOptions = {},
): Promise<{ readonly dir: string | undefined }> {
  const opened = openConfig(env, options);
  if (dir === undefined && options.unset !== true) {
    levelsOf(opened, options.level);
    const sections = opened.config.read(options.level) as SectionRecord;
    const set = sectionIn(sections, "cache")?.["dir"];
    if (set !== undefined) return Promise.resolve({ dir: set });
    if (opened.root === undefined || options.level !== undefined) {
      requireOption(sections, "cache", "dir");
      throw new ConfigError("config file error: Not inside a DVC repo");
    }
    return Promise.resolve({ dir: join(opened.root, DVC_DIR, "cache") });
  }
  opened.config.edit(options.level ?? "project", (sections) => {
    if (options.unset === true) drop(requireOption(sections as SectionRecord, "cache", "dir"), "dir");
    else put(sectionMadeIn(sections as SectionRecord, "cache"), "dir", dir ?? "");
  });
  return Promise.resolve({ dir });
}
