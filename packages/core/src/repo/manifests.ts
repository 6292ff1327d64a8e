import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { type HashInfo, isDirHash } from "../hash/hashInfo.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import type { Tree } from "../odb/tree.ts";
import { cacheFor, recordedHash, type StageOutput } from "./dataRoots.ts";
import { isLooking } from "./looking.ts";
import { openRemote } from "./remote.ts";
import type { Repo } from "./repo.ts";

/** Which remote to ask when the output names none. */
export interface ManifestOptions extends CallOptions {
  readonly remote?: string;
  /** Hears why the remote did not give it; without that it counts as being nowhere. */
  readonly onFailure?: (error: Error) => void;
}

/**
 * The manifest of an output recorded as a folder: from the cache, else from its remote (it is then in the cache).
 * Undefined when it is no folder, or nowhere; also when there is no remote at all.
 * @throws {StorageError} when the remote fails, {CorruptObjectError}, {UnsafePathError}
 */
export async function readManifest(repo: Repo, one: StageOutput, options: ManifestOptions): Promise<Tree | undefined> {
  const hash = recordedHash(one);
  return hash === undefined
    ? undefined
    : manifestOf(repo, hash, { ...options, remote: one.out.remote ?? options.remote });
}

/** The manifest that a hash names, as {@link readManifest} finds it. */
export async function manifestOf(
  repo: Repo,
  hash: HashInfo,
  options: Omit<ManifestOptions, "remote"> & { readonly remote?: string | undefined },
): Promise<Tree | undefined> {
  if (!isDirHash(hash.value)) return undefined;
  const cache = cacheFor(repo, hash);
  const here = cache.readTree(hash.value);
  if (here !== undefined) return here;
  const { signal } = options;
  const call = signal === undefined ? {} : { signal };
  try {
    const { fetch } = await import("../odb/transfer.ts");
    const remote = await openRemote(repo, options.remote, { legacy: hash.name === "md5-dos2unix" });
    // A damaged one that is to stay where it is.
    if (isLooking(repo) && cache.exists([hash.value]).size > 0) return await lookAtRemote(remote, hash.value, options);
    const dirs = new Set([hash.value]);
    const { failed } = await fetch(cache, remote, { files: new Set(), dirs, onlyListed: true }, call);
    for (const { error } of failed) options.onFailure?.(error);
    await remote.fs.close();
  } catch (error) {
    // A remote that keeps files under their names has no manifests.
    if (error instanceof DvcError && (error.code === "no-remote" || error.code === "unsupported")) return undefined;
    throw error;
  }
  return cache.readTree(hash.value);
}

/** The manifest that the remote holds; the cache stays as it is. */
async function lookAtRemote(
  remote: RemoteDb,
  oid: string,
  { signal, onFailure }: Omit<ManifestOptions, "remote">,
): Promise<Tree | undefined> {
  try {
    return (await remote.readTree(oid, signal === undefined ? {} : { signal }))?.tree;
  } catch (error) {
    if (!(error instanceof DvcError)) throw error;
    onFailure?.(error);
    return undefined;
  } finally {
    await remote.fs.close();
  }
}
