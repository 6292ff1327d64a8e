import { StorageError } from "../base/errors.ts";
import type { Protocol } from "./filesystem.ts";

/** A bearer token and when it ends (ms since the epoch). */
export interface Token {
  readonly value: string;
  readonly expiresMs: number;
}

const LIMIT_MS = 30_000;
const RENEW_BEFORE_MS = 5 * 60_000;

/**
 * Asks an OAuth 2 server for a token. Nothing of what is sent gets into messages.
 * @throws {StorageError} code "auth" when refused, retryable when there is no answer.
 */
export async function requestToken(
  protocol: Protocol,
  url: string,
  fields: Readonly<Record<string, string>>,
): Promise<Token> {
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: "POST",
      body: new URLSearchParams(fields),
      redirect: "error",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
  } catch {
    throw new StorageError(`no answer from ${new URL(url).host}, which gives the tokens`, {
      protocol,
      path: url,
      retryable: true,
      hint: "Check the network and proxies.",
    });
  }
  const said = (await answer.json().catch(() => ({}))) as Partial<Record<string, unknown>>;
  const value = said["access_token"];
  if (answer.ok && typeof value === "string")
    return { value, expiresMs: Date.now() + Number(said["expires_in"] ?? 300) * 1000 };
  const reason = typeof said["error"] === "string" ? said["error"] : `HTTP ${String(answer.status)}`;
  throw new StorageError(`the credentials were refused by ${new URL(url).host} (${reason.slice(0, 100)})`, {
    protocol,
    path: url,
    code: "auth",
    retryable: answer.status >= 500,
    hint: "They may have been revoked or have ended: make a new key, or log in again.",
  });
}

/** Gives the held token, and a new one in time before it ends; callers that come at once share one request. */
export function renewing(get: () => Promise<Token | undefined>): () => Promise<Token | undefined> {
  let held: Promise<Token | undefined> | undefined;
  let renewAt = Infinity;
  return () => {
    if (held === undefined || Date.now() > renewAt) {
      renewAt = Infinity;
      held = get().then((token) => {
        renewAt = token === undefined ? Infinity : Math.max(Date.now() + 10_000, token.expiresMs - RENEW_BEFORE_MS);
        return token;
      });
      held.catch(() => {
        held = undefined;
      });
    }
    return held;
  };
}
