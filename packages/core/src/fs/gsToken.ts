import { readFileSync } from "node:fs";
import { ConfigError } from "../base/errors.ts";
import type { AccessFacts } from "./filesystem.ts";
import { type GoogleCredentials, serviceAccountToken, userToken } from "./googleToken.ts";
import type { GsSettings } from "./gsSettings.ts";
import { askForToken, type Token, type TokenAsker, tokenOf } from "./oauthToken.ts";

const SCOPE = "https://www.googleapis.com/auth/devstorage.full_control";
const PROBE_MS = 1500;

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

function readCredentials(path: string, by: string): GoogleCredentials;
function readCredentials(path: string, by: undefined): GoogleCredentials | undefined;
function readCredentials(path: string, by: string | undefined): GoogleCredentials | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as GoogleCredentials;
  } catch (cause) {
    if (by === undefined && (cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // The cause's words may quote the file.
    throw new ConfigError(`the Google credentials in '${path}' cannot be read`, {
      hint: by === undefined ? "Run `gcloud auth application-default login`." : `See '${by}'.`,
    });
  }
}

function fromFile(file: GoogleCredentials, credentials: string, { env }: GsSettings): GsTokenSource {
  const asker: TokenAsker = { protocol: "gs", env };
  const identity = file.client_email;
  const facts = { credentials, ...(identity === undefined ? {} : { identity }) };
  if (file.type === "service_account") return { facts, get: () => serviceAccountToken(file, asker, { scope: SCOPE }) };
  if (file.type === "authorized_user") return { facts, get: () => userToken(file, asker) };
  throw new ConfigError(`Google credentials of the type '${String(file.type)}' are not supported`, {
    code: "unsupported",
    hint: "Use a service account's key file, `gcloud auth application-default login`, or a machine's own account.",
  });
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
