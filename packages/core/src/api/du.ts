import { posix, relative } from "node:path";
import { DvcError } from "../base/errors.ts";
import { isInside, placeInRepo } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { type ExternalOptions, type ExternalRepo, openExternal } from "../repo/externalRepo.ts";
import type { ViewEntry } from "../repo/repoView.ts";
import { isDvcFileName } from "../repo/stageFiles.ts";

export interface DuOptions extends ExternalOptions {
  /** Only the total. */
  readonly summarize?: boolean;
}

/** Bytes of a file or of everything in a folder. The total is last, under the path as given (empty for the root). */
export interface DuEntry {
  readonly path: string;
  readonly size: number;
}

/**
 * Disk use of a repository's files and tracked data. Stage files and `.dvcignore` do not count, as in DVC.
 * @throws {DvcError} when there is no such path
 */
export async function du(
  env: Environment,
  url: string,
  path: string | undefined,
  options: DuOptions = {},
): Promise<DuEntry[]> {
  const external = await openExternal(env, url, options);
  try {
    const from = path !== undefined && isInside(external.root, env.cwd) ? env.cwd : external.root;
    const start = placeInRepo(external.root, path ?? "", from);
    const own = await external.view.info(start);
    if (own === undefined)
      throw new DvcError(`[Errno 2] No such file or directory: '${path ?? ""}'`, { code: "not-found" });
    if (!own.isDir || options.summarize === true) return [{ path: path ?? "", size: await sizeOf(external, own) }];
    const entries: DuEntry[] = [];
    for (const child of await countedChildren(external, own)) {
      entries.push({ path: posix.join(path ?? "", relative(start, child.path)), size: await sizeOf(external, child) });
    }
    return [...entries, { path: path ?? "", size: entries.reduce((sum, entry) => sum + entry.size, 0) }];
  } finally {
    external.close();
  }
}

async function sizeOf(external: ExternalRepo, entry: ViewEntry): Promise<number> {
  if (!entry.isDir) return entry.size ?? 0;
  // A tracked folder that is not there: its record says how large it is, wherever its manifest may be.
  if (!entry.isPlain && entry.size !== undefined) return entry.size;
  let total = 0;
  for (const child of await countedChildren(external, entry)) total += await sizeOf(external, child);
  return total;
}

async function countedChildren(external: ExternalRepo, entry: ViewEntry): Promise<ViewEntry[]> {
  const children = (await external.view.children(entry.path)) ?? [];
  return children.filter((child) => !isDvcFileName(child.path));
}
