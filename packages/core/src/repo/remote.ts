import { ConfigError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { questionsOf } from "../base/platform.ts";
import { type OpenedStorage, openStorage } from "../fs/open.ts";
import { RemoteDb } from "../odb/remoteDb.ts";
import type { Repo } from "./repo.ts";
import { type ResolvedRemote, resolveRemote } from "./resolveRemote.ts";
import { checkSecrets, untrustedOptions } from "./secrets.ts";
import { requireTrust } from "./trust.ts";

export { remoteNameOf, resolveRemote } from "./resolveRemote.ts";

/** How to open a remote. */
export interface RemoteOptions extends CallOptions {
  /** Objects of DVC 2.x projects, which lie elsewhere on the remote. */
  readonly legacy?: boolean;
  /** Transfers at once; default: the remote's own setting, else the storage's usual number. */
  readonly jobs?: number;
  /** The command, for the message that there is no remote. */
  readonly for?: string;
}

/**
 * Opens a remote, the default one without `name`, as an object database.
 * @throws {ConfigError} with DVC's texts; {StorageError} when the storage can't be reached.
 */
export async function openRemote(repo: Repo, name?: string, options: RemoteOptions = {}): Promise<RemoteDb> {
  const remote = resolveRemote(repo, name, options.for);
  refuseVersioned(remote, options.for ?? "<command>");
  const { fs, root } = await openStorageOf(repo, remote);
  const section = `remote.${remote.name.toLowerCase()}`;
  const jobs = options.jobs ?? repo.config.integer(section, "jobs");
  const verify = flagOf(remote, "verify");
  return new RemoteDb(fs, root, {
    name: remote.name,
    layout: options.legacy === true ? "legacy" : "3.x",
    ...(jobs === undefined ? {} : { jobs }),
    ...(verify === undefined ? {} : { verify }),
  });
}

/**
 * Opens the storage of a remote and checks that no secret goes where it should not.
 * @throws {ConfigError}, {StorageError}
 */
export async function openStorageOf(repo: Repo, remote: ResolvedRemote): Promise<OpenedStorage> {
  await requireTrust(repo, remote);
  checkSecrets(repo, remote);
  const values = Object.fromEntries([...remote.options].map(([option, { value }]) => [option, value]));
  return openStorage(remote.url, {
    values: { ...values, url: remote.url },
    untrusted: untrustedOptions(repo, remote),
    env: repo.env.env,
    home: repo.env.home,
    projectRoot: repo.git?.root ?? repo.root,
    ...questionsOf(repo.env),
  });
}

/** How a remote keeps versions; undefined: it keeps objects by their hashes. @throws {ConfigError} for options that contradict */
export function versioningOf(remote: ResolvedRemote): "worktree" | "version_aware" | undefined {
  const isWorktree = flagOf(remote, "worktree") === true;
  if (isWorktree && flagOf(remote, "version_aware") === false)
    throw new ConfigError("config file error: worktree remotes require version_aware cloud");
  if (isWorktree) return "worktree";
  return flagOf(remote, "version_aware") === true ? "version_aware" : undefined;
}

function refuseVersioned(remote: ResolvedRemote, command: string): void {
  if (versioningOf(remote) !== undefined)
    throw new ConfigError(`config file error: '${command}' is unsupported for cloud versioned remotes`, {
      code: "unsupported",
    });
}

function flagOf(remote: ResolvedRemote, option: string): boolean | undefined {
  const value = remote.options.get(option)?.value.toLowerCase();
  return value === undefined ? undefined : value === "true";
}
