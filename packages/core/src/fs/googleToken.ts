import { createSign } from "node:crypto";
import { ConfigError } from "../base/errors.ts";
import { requestToken, type Token, type TokenAsker } from "./oauthToken.ts";

/** Where Google gives tokens, unless the credentials say otherwise. */
export const GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token";
const JWT_SECONDS = 3600;

/** Credentials, as Google and its libraries write them into files. */
export interface GoogleCredentials {
  readonly type?: string;
  readonly client_email?: string;
  readonly private_key?: string;
  readonly private_key_id?: string;
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly refresh_token?: string;
  readonly token_uri?: string;
}

/**
 * A token for a service account. `subject`: the user of the same organisation whom it stands for.
 * @throws {ConfigError} for a bad key; {StorageError} when refused
 */
export function serviceAccountToken(
  credentials: GoogleCredentials,
  asker: TokenAsker,
  claim: { readonly scope: string; readonly subject?: string | undefined },
): Promise<Token> {
  const audience = credentials.token_uri ?? GOOGLE_TOKEN_URL;
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "RS256", typ: "JWT", kid: credentials.private_key_id };
  const times = { iat: now, exp: now + JWT_SECONDS };
  const claims = { iss: credentials.client_email, scope: claim.scope, aud: audience, ...times, sub: claim.subject };
  const unsigned = `${base64url(header)}.${base64url(claims)}`;
  let signature: string;
  try {
    signature = createSign("RSA-SHA256")
      .update(unsigned)
      .sign(credentials.private_key ?? "", "base64url");
  } catch {
    throw new ConfigError("the private key of the service account is not valid");
  }
  const grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  return requestToken(asker, audience, { grant_type: grant, assertion: `${unsigned}.${signature}` });
}

/** A token for a user who has logged in before. @throws {StorageError} when refused */
export function userToken(credentials: GoogleCredentials, asker: TokenAsker): Promise<Token> {
  return requestToken(asker, credentials.token_uri ?? GOOGLE_TOKEN_URL, {
    grant_type: "refresh_token",
    client_id: credentials.client_id ?? "",
    client_secret: credentials.client_secret ?? "",
    refresh_token: credentials.refresh_token ?? "",
  });
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
