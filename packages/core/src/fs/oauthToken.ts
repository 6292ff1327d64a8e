import { StorageError } from "../base/errors.ts";
import type { Protocol } from "./filesystem.ts";
import { bareHost } from "./hostName.ts";
import { HttpTransport } from "./httpTransport.ts";

/** A bearer token and when it ends (ms since the epoch). */
export interface Token {
  readonly value: string;
  readonly expiresMs: number;
}

/** Who asks for a token. `env`: names the proxies to go through; empty for servers of this machine. */
export interface TokenAsker {
  readonly protocol: Protocol;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What is asked. A `form` is sent by POST. */
export interface TokenQuestion {
  readonly url: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** ms, for all of it. */
  readonly limitMs?: number;
}

/** An answer; `said` is empty where it is no JSON object. */
export interface TokenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly said: Readonly<Partial<Record<string, unknown>>>;
}

const LIMIT_MS = 30_000;
const RENEW_BEFORE_MS = 5 * 60_000;

/**
 * Asks an OAuth 2 server for a token. Nothing of what is sent gets into messages.
 * @throws {StorageError} code "auth" when refused, retryable when there is no answer.
 */
export async function requestToken(
  asker: TokenAsker,
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<Token> {
  return tokenOf(asker, url, await askForToken(asker, { url, form }));
}

/** The token in an answer. @throws {StorageError} code "auth" when it was refused */
export function tokenOf({ protocol }: TokenAsker, url: string, { status, said }: TokenAnswer): Token {
  const value = said["access_token"];
  if (status < 300 && typeof value === "string")
    return { value, expiresMs: Date.now() + Number(said["expires_in"] ?? 300) * 1000 };
  const reason = typeof said["error"] === "string" ? said["error"] : `HTTP ${String(status)}`;
  throw new StorageError(`the credentials were refused by ${new URL(url).host} (${reason.slice(0, 100)})`, {
    protocol,
    path: url,
    code: "auth",
    retryable: status >= 500,
    hint: "They may have been revoked or have ended: make a new key, or log in again.",
  });
}

/** Asks a server that gives tokens, once. @throws {StorageError} when there is no answer */
export async function askForToken({ protocol, env }: TokenAsker, question: TokenQuestion): Promise<TokenAnswer> {
  const { url, form, limitMs = LIMIT_MS } = question;
  const place = new URL(url);
  const secure = place.protocol === "https:";
  const limits = { connectTimeoutMs: limitMs, readTimeoutMs: limitMs };
  const transport = new HttpTransport({ protocol, secure, env, ...limits, tls: () => ({}) });
  const headers: Record<string, string> = { host: place.host, accept: "application/json", ...question.headers };
  if (form !== undefined) headers["content-type"] = "application/x-www-form-urlencoded";
  try {
    const answer = await transport.receive({
      method: form === undefined ? "GET" : "POST",
      host: bareHost(place.hostname),
      port: place.port === "" ? (secure ? "443" : "80") : place.port,
      path: place.pathname + place.search,
      headers,
      ...(form === undefined ? {} : { body: Buffer.from(new URLSearchParams(form).toString()) }),
      signal: AbortSignal.timeout(limitMs),
      about: place.origin,
    });
    return { status: answer.status, headers: answer.headers, said: recordOf(answer.body) };
  } catch (cause) {
    if (cause instanceof StorageError && !cause.retryable) throw cause;
    throw new StorageError(`no answer from ${place.host}, which gives the tokens`, {
      protocol,
      path: place.origin,
      retryable: true,
      hint: "Check the network and proxies.",
    });
  } finally {
    transport.close();
  }
}

function recordOf(body: Buffer): TokenAnswer["said"] {
  try {
    const said: unknown = JSON.parse(body.toString("utf8"));
    return typeof said === "object" && said !== null ? (said as TokenAnswer["said"]) : {};
  } catch {
    return {};
  }
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
