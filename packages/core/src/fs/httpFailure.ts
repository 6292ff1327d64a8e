import { StorageError } from "../base/errors.ts";

/** The error for an answer that ended early. `about`: URL of what was asked for. */
export function cutShort(about: string, cause: unknown, protocol: string): StorageError {
  return new StorageError(`the answer for '${about}' was cut short`, { protocol, path: about, retryable: true, cause });
}

/** The error for an answer of more bytes than anybody collects. */
export function tooLong(about: string, protocol: string): StorageError {
  return new StorageError(`the answer for '${about}' is too long`, {
    protocol,
    path: about,
    hint: "Look whether the address is right: no storage answers so.",
  });
}

/** The error for a connection that failed. `address`: host and port; `about`: URL of what was asked for. */
export function connectionError(cause: Error, address: string, about: string, protocol: string): StorageError {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  if (isCertificateProblem(code)) {
    return new StorageError(`the certificate of ${address} is not trusted (${code})`, {
      protocol,
      path: about,
      code: "config",
      cause,
      hint: "For an own certificate authority: `remote modify NAME ssl_verify /path/to/ca.pem`.",
    });
  }
  return new StorageError(`no answer from ${address}: ${reasonOf(cause)}`, {
    protocol,
    path: about,
    cause,
    retryable: true,
    hint: "Check the network, the remote's `endpointurl`, and proxies.",
  });
}

/** Why a connection failed, in words. */
export function reasonOf(cause: Error): string {
  if (/SSL routines:.*(wrong version number|packet length too long)/.test(cause.message))
    return "it does not speak TLS; of plain HTTP the URL begins without the 's' (http://, webdav://)";
  return REASONS[(cause as NodeJS.ErrnoException).code ?? ""] ?? cause.message;
}

/** What a connection dies of when nothing comes. */
export function timeoutError(ms: number): Error {
  return Object.assign(new Error(`no answer within ${String(ms / 1000)} s`), { code: "ETIMEDOUT" });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (ECONNREFUSED)",
  ENOTFOUND: "the name is not known (ENOTFOUND)",
  EAI_AGAIN: "the name could not be looked up (EAI_AGAIN)",
  ECONNRESET: "the connection was cut (ECONNRESET)",
  EPIPE: "the connection was cut (EPIPE)",
  ETIMEDOUT: "it takes too long (ETIMEDOUT)",
  EHOSTUNREACH: "no way there (EHOSTUNREACH)",
  ENETUNREACH: "no network (ENETUNREACH)",
};

function isCertificateProblem(code: string): boolean {
  return /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ERR_TLS_CERT)/.test(code);
}
