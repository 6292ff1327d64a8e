import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import { isImport } from "../pipeline/stage.ts";
import { cacheFor, recordedHash, type StageOutput } from "./dataRoots.ts";
import { openRemote } from "./remote.ts";
import type { Repo } from "./repo.ts";
import { isVersioned } from "./versionedRemote.ts";

/**
 * Reads the manifests that are not in the cache from the remotes and remembers them, as DVC's private index does: what a folder
 * holds can be told in a clone that has no data yet. The cache stays as it is. What can't be had stays unknown.
 */
export async function learnManifests(
  repo: Repo,
  outs: Iterable<StageOutput>,
  options: CallOptions & { readonly remote?: string },
): Promise<void> {
  const remotes = new Map<string, Promise<RemoteDb | undefined>>();
  for (const one of outs) {
    const hash = recordedHash(one);
    const { out } = one;
    if (hash === undefined || !isDirHash(hash.value) || !out.useCache || !out.canPush || isImport(one.stage)) continue;
    if (cacheFor(repo, hash).exists([hash.value]).size > 0 || repo.state.manifests.read(hash.value) !== undefined)
      continue;
    const name = out.remote ?? options.remote;
    const legacy = hash.name === "md5-dos2unix";
    const key = `${name ?? ""}\0${String(legacy)}`;
    const opened = remotes.get(key) ?? orNothing(() => openPlain(repo, name, legacy));
    remotes.set(key, opened);
    const remote = await opened;
    const found = await orNothing(async () => remote?.readTree(hash.value, options));
    if (found !== undefined) repo.state.manifests.keepBytes(hash.value, found.bytes);
  }
  for (const opened of remotes.values()) await (await opened)?.fs.close();
}

/** A remote that keeps files under their own names has no manifests. */
async function openPlain(repo: Repo, name: string | undefined, legacy: boolean): Promise<RemoteDb | undefined> {
  return isVersioned(repo, name) ? undefined : openRemote(repo, name, { legacy });
}

async function orNothing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof DvcError)) throw error;
    return undefined;
  }
}
