import { join } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { temporaryPath } from "../fs/atomic.ts";
import type { BadObject } from "../odb/checkTypes.ts";
import { checkObjects } from "../odb/remoteCheck.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import type { Repo } from "./repo.ts";

/** What a remote really holds of some objects. */
export interface ReadBack {
  /** How many have the bytes that their names say. */
  readonly sound: number;
  readonly bad: readonly BadObject[];
  /** Not on the remote. */
  readonly missing: readonly string[];
}

/** Reads objects back from a remote and hashes them. @throws {StorageError} when it can't be used at all */
export async function readBack(
  repo: Repo,
  remote: RemoteDb,
  oids: Iterable<string>,
  options: CallOptions,
): Promise<ReadBack> {
  const { objects, bad, missing } = await checkObjects(remote, oids, {
    ...options,
    task: `Verifying on ${remote.name}`,
    temporary: () => temporaryPath(join(repo.tmpDir, "verify")),
  });
  return { sound: objects - bad.length, bad, missing };
}
