import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { TransferResult } from "../odb/transfer.ts";
import { cacheFor, recordedHash, type StageOutput } from "./dataRoots.ts";
import { openRemote } from "./remote.ts";
import type { Repo } from "./repo.ts";
import { isVersioned } from "./versionedRemote.ts";

/**
 * Brings files of one output, by their hashes, from its remote into its cache: objects, or versions of files under their own
 * names. Undefined when there is no remote at all.
 * @throws {ConfigError}, {StorageError} when the remote can't be used at all; failures of single files are in the result.
 */
export async function fetchFilesOf(
  repo: Repo,
  one: StageOutput,
  oids: ReadonlySet<string>,
  options: CallOptions & { readonly jobs?: number },
): Promise<TransferResult | undefined> {
  const name = one.out.remote;
  const hash = recordedHash(one) ?? { name: "md5" as const, value: "" };
  try {
    if (isVersioned(repo, name)) {
      const { fetchVersioned } = await import("./fetchVersioned.ts");
      return await fetchVersioned(repo, name, [{ ...one, within: undefined, oids }], options);
    }
    const { fetch } = await import("../odb/transfer.ts");
    const remote = await openRemote(repo, name, {
      legacy: hash.name === "md5-dos2unix",
      ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
    });
    try {
      return await fetch(cacheFor(repo, hash), remote, { files: oids, dirs: new Set() }, options);
    } finally {
      await remote.fs.close();
    }
  } catch (error) {
    if (error instanceof DvcError && error.code === "no-remote") return undefined;
    throw error;
  }
}
