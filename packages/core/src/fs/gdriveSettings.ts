import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { GOOGLE_TOKEN_URL } from "./googleToken.ts";
import type { OpenOptions } from "./openOptions.ts";
import { absolute, isOn, refuseInside, text } from "./optionValues.ts";

/** Credentials that stand in a file, or in an environment variable. */
export type CredentialPlace = { readonly path: OsPath } | { readonly json: string };

/** Who asks. */
export type GdriveLogin =
  | {
      readonly kind: "service";
      readonly from: CredentialPlace;
      /** Whom the account stands for. */
      readonly subject: string | undefined;
    }
  | {
      readonly kind: "user";
      readonly from: CredentialPlace;
      /** The program that asks, as Google knows it; needed to log in. */
      readonly client: { readonly id: string; readonly secret: string } | undefined;
    };

/** How to reach and use Google Drive. */
export interface GdriveSettings {
  readonly endpoint: URL;
  /** Where a log-in is turned into tokens. */
  readonly tokenUrl: string;
  readonly login: GdriveLogin;
  /** Removed files go to the trash. */
  readonly trashOnly: boolean;
  /** Files that Google takes for harmful are fetched all the same. */
  readonly acknowledgeAbuse: boolean;
  readonly env: OpenOptions["env"];
  /** Lets the user visit an address; undefined when nobody can. */
  readonly askVisit: OpenOptions["askVisit"];
}

const GOOGLE = "https://www.googleapis.com";
/** DVC's variable for credentials as JSON, and ours for another server (tests). */
const VARIABLES = { credentials: "GDRIVE_CREDENTIALS_DATA", endpoint: "HOLDFAST_GDRIVE_ENDPOINT" } as const;

/** Reads the options of a Google Drive remote. @throws {ConfigError} for what does not fit */
export function gdriveSettings(options: OpenOptions): GdriveSettings {
  const { values, env, askVisit } = options;
  const endpoint = text(env[VARIABLES.endpoint]) ?? GOOGLE;
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint))
    throw new ConfigError(`${VARIABLES.endpoint} is '${endpoint}', not a URL`);
  return {
    endpoint: new URL(endpoint),
    tokenUrl: endpoint === GOOGLE ? GOOGLE_TOKEN_URL : `${new URL(endpoint).origin}/token`,
    login: isOn(values["gdrive_use_service_account"]) ? serviceLogin(options) : userLogin(options),
    trashOnly: isOn(values["gdrive_trash_only"]),
    acknowledgeAbuse: isOn(values["gdrive_acknowledge_abuse"]),
    env,
    askVisit,
  };
}

function serviceLogin(options: OpenOptions): GdriveLogin {
  const subject = text(options.values["gdrive_service_account_user_email"]);
  const from = given(options, "gdrive_service_account_json_file_path");
  if (from !== undefined) return { kind: "service", from, subject };
  throw new ConfigError(
    "To use service account, set `gdrive_service_account_json_file_path`, and optionally `gdrive_service_account_user_email` in DVC config.",
  );
}

function userLogin(options: OpenOptions): GdriveLogin {
  const { values } = options;
  const id = text(values["gdrive_client_id"]);
  const secret = text(values["gdrive_client_secret"]);
  if ((id === undefined) !== (secret === undefined))
    throw new ConfigError("of the options 'gdrive_client_id' and 'gdrive_client_secret' one is missing");
  const client = id === undefined || secret === undefined ? undefined : { id, secret };
  const from = given(options, "gdrive_user_credentials_file") ?? { path: usualFile(options, id) };
  return { kind: "user", from, client };
}

/** The variable counts before the option, as in DVC. */
function given(options: OpenOptions, option: string): CredentialPlace | undefined {
  const json = text(options.env[VARIABLES.credentials]);
  if (json !== undefined) return { json };
  const named = text(options.values[option]);
  if (named === undefined) return undefined;
  const path = absolute(named, options);
  if (options.untrusted?.has(option) === true) refuseInside(option, path, options.projectRoot);
  return { path };
}

/** Where DVC keeps what a user's log-in gave; without a client of one's own, the only one that ever logged in. */
function usualFile({ values, env, home }: OpenOptions, client: string | undefined): OsPath {
  const folder = join(cacheFolder(env, home), "pydrive2fs");
  const name = `${plain(text(values["profile"]) ?? "default")}.json`;
  if (client !== undefined) return join(folder, plain(client), name);
  let clients: string[] = [];
  try {
    clients = readdirSync(folder);
  } catch {
    // Nobody has logged in.
  }
  return join(folder, clients.length === 1 ? (clients[0] ?? "none") : "none", name);
}

/** As one name of a file: a committed config may choose it. */
function plain(name: string): string {
  return name.replace(/[^\w.@-]/g, "_").replace(/^\.+/, "_");
}

function cacheFolder(env: OpenOptions["env"], home: OsPath): OsPath {
  if (process.platform === "darwin") return join(home, "Library", "Caches");
  if (process.platform === "win32") return text(env["LOCALAPPDATA"]) ?? join(home, "AppData", "Local");
  return text(env["XDG_CACHE_HOME"]) ?? join(home, ".cache");
}

/** For a person: where credentials come from. */
export function placeText(from: CredentialPlace): string {
  return "path" in from ? from.path : `environment (${VARIABLES.credentials})`;
}
