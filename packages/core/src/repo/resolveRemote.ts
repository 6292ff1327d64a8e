import { ConfigError } from "../base/errors.ts";
import type { SetOption } from "./config.ts";
import type { Repo } from "./repo.ts";

/** A remote as the config describes it, references to other remotes resolved. */
export interface ResolvedRemote {
  readonly name: string;
  readonly url: string;
  /** Every option with the level that set it; `url` included. */
  readonly options: ReadonlyMap<string, SetOption>;
}

/** References from remote to remote longer than this are taken for a circle. */
const MAX_REFERENCES = 16;

/** Name of the remote that `name` or, without it, the config means; undefined when there is no default. */
export function remoteNameOf(repo: Repo, name?: string): string | undefined {
  const byDefault = repo.config.get("core", "remote");
  return name ?? (byDefault === "" ? undefined : byDefault);
}

/**
 * What the config says of a remote, the default one without `name`.
 * @throws {ConfigError} with DVC's texts; code `no-remote` when there is no default.
 */
export function resolveRemote(repo: Repo, name?: string, command = "<command>"): ResolvedRemote {
  const chosen = remoteNameOf(repo, name === "" ? undefined : name);
  if (chosen === undefined) throw noRemote(repo, command);
  return resolveNamed(repo, chosen, 0);
}

/** The remote that a URL `remote://NAME/…` names; undefined for other URLs and paths. @throws {ConfigError} when it does not exist */
export function referredRemote(repo: Repo, url: string): ResolvedRemote | undefined {
  const [, name] = /^remote:\/\/([^/]*)/i.exec(url) ?? [];
  return name === undefined ? undefined : resolveRemote(repo, name);
}

function resolveNamed(repo: Repo, name: string, depth: number): ResolvedRemote {
  const options = repo.config.remote(name.toLowerCase());
  if (options === undefined) throw new ConfigError(`config file error: remote '${name}' doesn't exist`);
  const url = options.get("url");
  if (url === undefined)
    throw new ConfigError(`config file error: expected 'url' for dictionary value @ data['remote']['${name}']`);
  const reference = /^remote:\/\/([^/]*)(.*)$/i.exec(url.value);
  if (reference === null) return { name, url: url.value, options };
  if (depth >= MAX_REFERENCES) throw new ConfigError(`config file error: remote '${name}' refers to itself`);
  const base = resolveNamed(repo, reference[1] ?? "", depth + 1);
  // Where the bytes go is decided by the remote that is referred to: its level counts for the whole URL.
  const joined = `${base.url}/${(reference[2] ?? "").replace(/^\/+/, "")}`;
  const level = base.options.get("url")?.level ?? url.level;
  return { name, url: joined, options: new Map([...base.options, ...options, ["url", { value: joined, level }]]) };
}

function noRemote(repo: Repo, command: string): ConfigError {
  const program = repo.env.programName;
  const where = `config file error: no remote specified in ${repo.root}.`;
  const text =
    repo.config.remoteNames().length > 0
      ? `${where} Setup default remote with\n    ${program} remote default <remote name>\nor use:\n    ${program} ${command} -r <remote name>`
      : `${where} Create a default remote with\n    ${program} remote add -d <remote name> <remote url>`;
  return new ConfigError(text, { code: "no-remote" });
}
