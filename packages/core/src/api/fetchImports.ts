import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Built } from "../data/build.ts";
import { type HashInfo, isDirHash } from "../hash/hashInfo.ts";
import { storageHashName } from "../pipeline/location.ts";
import { broughtHash, noteBrought } from "../repo/broughtImports.ts";
import { recordedHash, type StageOutput } from "../repo/dataRoots.ts";
import { bringImport } from "../repo/externalRepo.ts";
import type { Selected } from "../repo/index.ts";
import { type OutputFilter, selectedOutputs } from "../repo/objects.ts";
import { isInCache } from "../repo/presentState.ts";
import type { Repo } from "../repo/repo.ts";
import { referredRemote } from "../repo/resolveRemote.ts";
import { shownPath } from "../repo/shown.ts";
import { CloneError } from "../scm/clone.ts";
import type { Transferred } from "../repo/transferReport.ts";
import { bringUrl, lockDependency, openDependency } from "./urlImport.ts";
import { pinnedFiles } from "./urlVersions.ts";

/** What was found for imports that record no hash (`--no-download`, `--no-exec`), by the path of the output. */
export type PartialImports = ReadonlyMap<OsPath, Built>;

/**
 * Brings the data of imports into the cache from where it was imported: repositories at the locked commit, and URLs of
 * imports that were never downloaded. `filter` says which outputs; what the cache has is left alone. A source that cannot be had is a warning, and where no
 * hash is recorded also a failure at the end, so that the others are still fetched.
 */
export async function fetchImports(
  repo: Repo,
  selected: readonly Selected[],
  filter: OutputFilter,
  total: Transferred,
  options: CallOptions,
): Promise<PartialImports> {
  const partial = new Map<OsPath, Built>();
  const seen = new Set<OsPath>();
  for (const one of selectedOutputs(selected)) {
    const { out, within } = one;
    if (!out.useCache || !out.isLocal || !filter(one) || seen.has(out.path)) continue;
    seen.add(out.path);
    const recorded = recordedHash(one);
    const ofData = recorded !== undefined && isOfData(repo, one, recorded) ? recorded : undefined;
    // What a URL import was locked to may be here already; a checkout finds it by that hash.
    const known = broughtHash(repo, one) ?? ofData;
    if (known !== undefined && isInCache(repo, known, within)) {
      noteBrought(repo, one, known);
      continue;
    }
    try {
      const built = await bring(repo, one, options);
      if (built === undefined || (ofData !== undefined && ofData.value !== built.hash.value)) {
        // Not what was recorded: the checkout says that it is missing, as in DVC.
        warnOther(repo, one, options);
        continue;
      }
      total.count += built.tree === undefined ? 1 : built.tree.nfiles;
      total.bytes += built.meta.size ?? 0;
      if (out.hash !== undefined) continue;
      partial.set(out.path, built);
      noteBrought(repo, one, built.hash);
    } catch (error) {
      if (!(error instanceof DvcError) || error.code === "aborted") throw error;
      warn(options, `failed to fetch '${shownPath(repo, out)}' from its source - ${chainOf(error)}`);
      // As in DVC, what is recorded counts as missing, so that the rest is brought. Of what is not, nothing could be told.
      if (recorded !== undefined || one.stage.deps[0]?.kind === "file") continue;
      total.failed++;
      if (error instanceof CloneError) total.noSource ??= error;
    }
  }
  return partial;
}

/** Whether a hash is that of the data: what is recorded of a source is made of the checksums that its storage keeps, and few keep MD5s. */
function isOfData(repo: Repo, { stage, out }: StageOutput, { name }: HashInfo): boolean {
  if (name !== "md5" && name !== "md5-dos2unix") return false;
  const [dep] = stage.deps;
  if (out.hash !== undefined || dep?.kind !== "file" || dep.isLocal) return true;
  return storageHashName(referredRemote(repo, dep.defPath)?.url ?? dep.defPath) === "md5";
}

function warnOther(repo: Repo, one: StageOutput, options: CallOptions): void {
  const name = shownPath(repo, one.out);
  warn(
    options,
    `The source of '${name}' holds other data now than was recorded. Run '${repo.env.programName} update ${name}.dvc' to record what it holds.`,
  );
}

function chainOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${chainOf(error.cause)}`;
}

/** Undefined for a file that is another one now than was recorded. */
async function bring(repo: Repo, one: StageOutput, options: CallOptions): Promise<Built | undefined> {
  const [dep] = one.stage.deps;
  if (dep?.kind !== "file") return bringImport(repo, one, options);
  const place = await openDependency(repo, dep);
  try {
    const pinned = pinnedFiles(dep, place);
    if (dep.hash !== undefined && pinned === undefined && !isOfData(repo, one, dep.hash)) {
      const now = await lockDependency(repo, dep, place, options);
      const isOther = now.hash !== undefined && now.hash.value !== dep.hash.value;
      if (isOther && !isDirHash(dep.hash.value)) return undefined;
      // Of folders DVC takes what is there; whoever reads it should know.
      if (isOther) warnOther(repo, one, options);
    }
    return await bringUrl(repo, dep.defPath, place, repo.cache, { ...options, pinned });
  } finally {
    await place.fs.close();
  }
}
