import { ConfigError } from "../base/errors.ts";
import { isSecretOption, withoutSecrets } from "../base/secretText.ts";
import type { ConfigLevel } from "./config.ts";
import type { ResolvedRemote } from "./resolveRemote.ts";
import type { Repo } from "./repo.ts";
import { isTrustedProjectLevel } from "./trust.ts";

/** Options that get a secret when it is needed; they may be printed. */
const SECRET_SOURCES: ReadonlySet<string> = new Set(["bearer_token_command"]);

/** Options that decide where secrets go, and how well they are protected on the way. */
const DESTINATIONS: readonly string[] = [
  "url",
  "endpointurl",
  "oss_endpoint",
  "account_name",
  "port",
  "proxy_to",
  "data_proxy_target",
  "use_ssl",
  "use_https",
  "ssl_verify",
  "auth",
  "method",
];

/** A value as it may be printed: secrets as `***`, also those within a URL. */
export function maskSecrets(option: string, value: string): string {
  return isSecretOption(option) ? "***" : withoutSecrets(value);
}

/**
 * Makes sure that a secret of the user's own config goes nowhere that the user's own config does not name: a repository
 * that was cloned could else give its remote the name of one of the user's and read along.
 * @throws {ConfigError} that names the secret and the option in its way.
 */
export function checkSecrets(repo: Repo, remote: ResolvedRemote): void {
  const secret = [...remote.options].find(([option, { level }]) => isSecret(option) && isUserLevel(level));
  if (secret === undefined) return;
  const [option, { level }] = secret;
  const foreign = DESTINATIONS.find((one) => isForeign(repo, remote, one));
  if (foreign === undefined) return;
  throw new ConfigError(
    `config file error: '${option}' of remote '${remote.name}' is set in the ${level} config, but '${foreign}' in the project's: a secret of your own is only sent where your own config says`,
    {
      hint: `If you trust this project, run '${repo.env.programName} trust', or set both in one place: '${repo.env.programName} remote modify --local ${remote.name} ${option} …'.`,
    },
  );
}

function isSecret(option: string): boolean {
  return isSecretOption(option) || SECRET_SOURCES.has(option);
}

/** Set by the project, and not the same in the user's own config. */
function isForeign(repo: Repo, remote: ResolvedRemote, option: string): boolean {
  const set = remote.options.get(option);
  if (set === undefined || isTrustedLevel(repo, set.level)) return false;
  const { system, global } = { system: repo.config.read("system"), global: repo.config.read("global") };
  const name = remote.name.toLowerCase();
  const own = global.remote?.[name]?.[option] ?? system.remote?.[name]?.[option];
  return own !== set.value;
}

/**
 * Options that whoever wrote the repository has set: `.dvc/config`, and `.dvc/config.local` when Git tracks it. A file that
 * such an option names is only used outside of the repository, and no program that it names is run.
 */
export function untrustedOptions(repo: Repo, remote: ResolvedRemote): ReadonlySet<string> {
  return new Set([...remote.options].filter(([, { level }]) => !isTrustedLevel(repo, level)).map(([option]) => option));
}

function isUserLevel(level: ConfigLevel): boolean {
  return level === "system" || level === "global";
}

const strangeOverrides = new WeakSet<Repo>();

/**
 * Notes that what this opened project was given on top of its config comes from a file of a repository (the `repo` entry
 * of an import), not from the user: it counts like the project's own config.
 */
export function distrustOverrides(repo: Repo): void {
  strangeOverrides.add(repo);
}

/** Whether what this level sets was set by the user, or by somebody whose project the user trusts. */
export function isTrustedLevel(repo: Repo, level: ConfigLevel): boolean {
  if (level === "override") return !strangeOverrides.has(repo);
  return isTrustedProjectLevel(repo, level);
}
