import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { writeFileAtomic } from "./atomic.ts";
import type { AccessFacts } from "./filesystem.ts";
import { logInByBrowser } from "./gdriveLogin.ts";
import { type CredentialPlace, type GdriveLogin, type GdriveSettings, placeText } from "./gdriveSettings.ts";
import { type GoogleCredentials, serviceAccountToken, userToken } from "./googleToken.ts";
import type { Token, TokenAsker } from "./oauthToken.ts";
import { makeFolders } from "./makeFolders.ts";

const SCOPE = "https://www.googleapis.com/auth/drive https://www.googleapis.com/auth/drive.appdata";

/** Where a token comes from. */
export interface GdriveTokenSource {
  readonly facts: Pick<AccessFacts, "credentials" | "identity">;
  readonly get: () => Promise<Token>;
}

/**
 * The key of a service account; or what a user's log-in left, else a new log-in.
 * @throws {ConfigError} for credentials that can't be read, and when somebody would have to log in and nobody can
 */
export async function findGdriveToken(settings: GdriveSettings): Promise<GdriveTokenSource> {
  const { login, env } = settings;
  const asker: TokenAsker = { protocol: "gdrive", env };
  const place = placeText(login.from);
  if (login.kind === "service") {
    const key = read(login.from) ?? missing(place);
    const facts = { credentials: `service account of ${place}` };
    const identity = login.subject ?? key.client_email;
    return {
      facts: identity === undefined ? facts : { ...facts, identity },
      get: () => serviceAccountToken(key, asker, { scope: SCOPE, subject: login.subject }),
    };
  }
  const kept = read(login.from) ?? (await logIn(login, settings, asker));
  if (kept.refresh_token === undefined)
    throw new ConfigError(`${place} holds no log-in of a user`, {
      hint: "For the key of a service account set `gdrive_use_service_account true`.",
    });
  return { facts: { credentials: `log-in of a user (${place})` }, get: () => userToken(kept, asker) };
}

function missing(place: string): never {
  throw new ConfigError(`the Google credentials in '${place}' are not there`);
}

function read(from: CredentialPlace): GoogleCredentials | undefined {
  let json: string;
  try {
    json = "json" in from ? from.json : readFileSync(from.path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ConfigError(`the Google credentials in '${placeText(from)}' cannot be read`, { cause });
  }
  try {
    const said: unknown = JSON.parse(json);
    if (typeof said === "object" && said !== null) return said;
  } catch {
    // The parser's words may quote what it read.
  }
  throw new ConfigError(`the Google credentials in '${placeText(from)}' are no JSON`);
}

async function logIn(
  { client, from }: Extract<GdriveLogin, { kind: "user" }>,
  { askVisit, tokenUrl }: GdriveSettings,
  asker: TokenAsker,
): Promise<GoogleCredentials> {
  if (client === undefined) {
    throw new ConfigError("nobody has logged in to Google Drive, and there is no client to log in with", {
      hint: "Make an OAuth client of the type 'Desktop app' in the Google Cloud console and set gdrive_client_id and gdrive_client_secret; or use a service account.",
    });
  }
  const refreshToken = await logInByBrowser({ client, scope: SCOPE, tokenUrl, askVisit }, asker);
  const kept = {
    client_id: client.id,
    client_secret: client.secret,
    refresh_token: refreshToken,
    token_uri: tokenUrl,
  };
  if ("path" in from) keep(from.path, kept);
  return kept;
}

/** As DVC's library writes it, so that either tool needs only one log-in. */
function keep(path: string, credentials: GoogleCredentials): void {
  const whole = {
    ...credentials,
    access_token: null,
    token_expiry: "2000-01-01T00:00:00Z",
    user_agent: null,
    revoke_uri: "https://oauth2.googleapis.com/revoke",
    id_token: null,
    id_token_jwt: null,
    token_response: null,
    scopes: SCOPE.split(" "),
    token_info_uri: "https://oauth2.googleapis.com/tokeninfo",
    invalid: false,
    _class: "OAuth2Credentials",
    _module: "oauth2client.client",
  };
  makeFolders(dirname(path), 0o700);
  writeFileAtomic(path, JSON.stringify(whole), { mode: 0o600 });
}
