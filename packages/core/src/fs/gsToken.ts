import { createSign } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigError } from "../base/errors.ts";
import type { AccessFacts } from "./filesystem.ts";
import type { GsSettings } from "./gsSettings.ts";
import { askForToken, requestToken, type Token, type TokenAsker, tokenOf } from "./oauthToken.ts";

const SCOPE = "https://www.googleapis.com/auth/devstorage.full_control";
const TOKEN_URL = "https://oauth2.googleapis.com/token";
const JWT_SECONDS = 3600;
const PROBE_MS = 1500;

/** A file of credentials, as Google writes it. */
interface CredentialFile {
  readonly type?: string;
  readonly client_email?: string;
  readonly private_key?: string;
  readonly private_key_id?: string;
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly refresh_token?: string;
  readonly token_uri?: string;
}

/** Where a token comes from. `get` gives undefined for anonymous use. */
export interface GsTokenSource {
  readonly facts: Pick<AccessFacts, "credentials" | "identity">;
  readonly get: () => Promise<Token | undefined>;
}

/**
 * Credentials in gcsfs's order: the file that the option or GOOGLE_APPLICATION_CREDENTIALS names, gcloud's own, the
 * metadata server of a Google machine, and none at all (public buckets).
 * @throws {ConfigError} for a file that cannot be read or used.
 */
export async function findGsToken(settings: GsSettings): Promise<GsTokenSource> {
  if (settings.anonymous) return anonymous(`none (${settings.anonymousBy})`);
  const { credentialFile, gcloudFile, metadataHost } = settings;
  if (credentialFile !== undefined) {
    const { path, by } = credentialFile;
    return fromFile(readCredentials(path, by), `${path} (${by})`, settings);
  }
  const own = readCredentials(gcloudFile, undefined);
  if (own !== undefined) return fromFile(own, `${gcloudFile} (gcloud auth application-default login)`, settings);
  if (metadataHost !== undefined && (await isGoogleMachine(metadataHost))) return fromMachine(metadataHost);
  return anonymous("none found (anonymous)");
}

function anonymous(credentials: string): GsTokenSource {
  return { facts: { credentials }, get: () => Promise.resolve(undefined) };
}

function readCredentials(path: string, by: string): CredentialFile;
function readCredentials(path: string, by: undefined): CredentialFile | undefined;
function readCredentials(path: string, by: string | undefined): CredentialFile | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as CredentialFile;
  } catch (cause) {
    if (by === undefined && (cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // The cause's words may quote the file.
    throw new ConfigError(`the Google credentials in '${path}' cannot be read`, {
      hint: by === undefined ? "Run `gcloud auth application-default login`." : `See '${by}'.`,
    });
  }
}

function fromFile(file: CredentialFile, credentials: string, { env }: GsSettings): GsTokenSource {
  const asker: TokenAsker = { protocol: "gs", env };
  const identity = file.client_email;
  const facts = { credentials, ...(identity === undefined ? {} : { identity }) };
  if (file.type === "service_account") return { facts, get: () => serviceAccountToken(file, asker) };
  if (file.type === "authorized_user") return { facts, get: () => userToken(file, asker) };
  throw new ConfigError(`Google credentials of the type '${String(file.type)}' are not supported`, {
    code: "unsupported",
    hint: "Use a service account's key file, `gcloud auth application-default login`, or a machine's own account.",
  });
}

function serviceAccountToken(file: CredentialFile, asker: TokenAsker): Promise<Token> {
  const audience = file.token_uri ?? TOKEN_URL;
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "RS256", typ: "JWT", kid: file.private_key_id };
  const claims = { iss: file.client_email, scope: SCOPE, aud: audience, iat: now, exp: now + JWT_SECONDS };
  const unsigned = `${base64url(header)}.${base64url(claims)}`;
  let signature: string;
  try {
    signature = createSign("RSA-SHA256")
      .update(unsigned)
      .sign(file.private_key ?? "", "base64url");
  } catch {
    throw new ConfigError("the private key of the service account is not valid");
  }
  const grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  return requestToken(asker, audience, { grant_type: grant, assertion: `${unsigned}.${signature}` });
}

function userToken(file: CredentialFile, asker: TokenAsker): Promise<Token> {
  return requestToken(asker, file.token_uri ?? TOKEN_URL, {
    grant_type: "refresh_token",
    client_id: file.client_id ?? "",
    client_secret: file.client_secret ?? "",
    refresh_token: file.refresh_token ?? "",
  });
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

const FLAVOR = { "metadata-flavor": "Google" };
/** The metadata server is part of this machine: not asked through a proxy. */
const NEAR: TokenAsker = { protocol: "gs", env: {} };

async function isGoogleMachine(host: string): Promise<boolean> {
  try {
    const answer = await askForToken(NEAR, { url: `http://${host}/`, headers: FLAVOR, limitMs: PROBE_MS });
    return answer.headers["metadata-flavor"] === "Google";
  } catch {
    return false;
  }
}

function fromMachine(host: string): GsTokenSource {
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  const get = async (): Promise<Token> => tokenOf(NEAR, url, await askForToken(NEAR, { url, headers: FLAVOR }));
  return { facts: { credentials: "this machine's service account (metadata server)" }, get };
}
