import { basename, join, resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { Environment } from "../base/platform.ts";
import { resolveOutput } from "./importPlace.ts";
import { aside, placeGot } from "./placeGot.ts";
import { downloadAll, type FsConfig, openUrl } from "./urlSource.ts";

/** How to download. */
export interface GetUrlOptions extends CallOptions {
  readonly force?: boolean;
  readonly jobs?: number;
  /** Options of the storage, by DVC's names. */
  readonly fsConfig?: FsConfig;
}

/** `path` relative to the working folder. */
export interface GetUrlResult {
  readonly path: string;
  readonly nfiles: number;
}

/**
 * Copies a file or folder from a storage, without tracking it. Built aside, moved into place when complete.
 * @throws {DvcError} with DVC's texts; {ConfigError}, {StorageError}
 */
export async function getUrl(
  env: Environment,
  url: string,
  out?: string,
  options: GetUrlOptions = {},
): Promise<GetUrlResult> {
  const chosen = resolveOutput(env.cwd, url, out, options.force === true);
  const target = resolve(env.cwd, chosen);
  const name = basename(target);
  if (name === "dvc.yaml" || name.endsWith(".dvc")) throw new DvcError(`DVC file '${chosen}' cannot be an output.`);
  const place = await openUrl(env, url, options);
  try {
    return await aside(target, async (folder) => {
      const nfiles = await downloadAll(place, url, join(folder, "data"), options);
      await placeGot(env, "get-url", join(folder, "data"), target);
      return { path: chosen, nfiles };
    });
  } finally {
    await place.fs.close();
  }
}
