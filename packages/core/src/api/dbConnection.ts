import { ConfigError, DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Database } from "../db/cell.ts";
import { parseConnectionUrl } from "../db/connectionUrl.ts";
import { openDatabase } from "../db/open.ts";
import type { SetOption } from "../repo/config.ts";
import type { Repo } from "../repo/repo.ts";
import { isTrustedLevel } from "../repo/secrets.ts";

/**
 * Opens the database of the config's section `db.NAME`. `isForeign`: the SQL comes from a `.dvc` file, not from the user.
 * @param scratch a folder for what the driver wants to write
 * @throws {DvcError} DVC's text for an unknown connection; {ConfigError} when a password of the user's own would go to a
 * server that the project names.
 */
export function openConnection(repo: Repo, name: string, isForeign: boolean, scratch: OsPath): Promise<Database> {
  const section = `db.${name.toLowerCase()}`;
  const look = (option: "url" | "username" | "password"): SetOption | undefined => repo.config.lookup(section, option);
  const [url, username, password] = [look("url"), look("username"), look("password")];
  if (url === undefined && username === undefined && password === undefined)
    throw new DvcError(`connection ${name} not found in config`, { hint: howToSetUrl(repo, name) });
  if (url === undefined)
    throw new ConfigError(`config file error: 'url' of database '${name}' is not set`, {
      hint: howToSetUrl(repo, name),
    });
  guardPassword(repo, name, url, password);
  return openDatabase(url.value, {
    cwd: repo.env.cwd,
    scratch,
    ...(username === undefined ? {} : { username: username.value }),
    ...(password === undefined ? {} : { password: password.value }),
    isForeign,
  });
}

function howToSetUrl({ env }: Repo, name: string): string {
  // The URL itself, given in place of a name.
  const section = /^[\w-]+$/.test(name) ? name : "NAME";
  return `Set its URL, and name it with --conn: '${env.programName} config --local db.${section}.url postgresql://user@host/name'.`;
}

/** A repository that was cloned must not have a password sent to a server of its choice. */
function guardPassword(repo: Repo, name: string, url: SetOption, password: SetOption | undefined): void {
  if (isTrustedLevel(repo, url.level)) return;
  const refuse = (secret: string): never => {
    throw new ConfigError(
      `config file error: ${secret}, but 'url' of database '${name}' in the project's config: a secret of your own is only sent where your own config says`,
      {
        hint: `If you trust this project, set the url yourself: '${repo.env.programName} config --local db.${name}.url …'.`,
      },
    );
  };
  if (password !== undefined && isTrustedLevel(repo, password.level))
    refuse(`'password' of database '${name}' is set in the ${password.level} config`);
  const { env } = repo.env;
  const { dialect, host, query, password: own } = parseConnectionUrl(url.value);
  if (dialect !== "postgresql" || own !== undefined || password !== undefined) return;
  if ((env["PGPASSWORD"] ?? "") !== "" && (query.get("host") ?? host) !== env["PGHOST"])
    refuse("PGPASSWORD is set without PGHOST");
}
