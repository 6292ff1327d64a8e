import type { ErrorCode } from "../base/errors.ts";
import { StorageError } from "../base/errors.ts";
import { xmlText } from "./s3Xml.ts";

/** What a failing answer is about, for the message. */
export interface S3Failure {
  readonly status: number;
  readonly body: string;
  /** `s3://bucket/key` */
  readonly url: string;
  readonly bucket: string;
}

/** A failing answer of the server. `reason`: S3's own code for it (`NoSuchUpload`). */
export class S3AnswerError extends StorageError {
  readonly reason: string;
  constructor(message: string, reason: string, at: ConstructorParameters<typeof StorageError>[1]) {
    super(message, at);
    this.name = "StorageError";
    this.reason = reason;
  }
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: (failure: S3Failure) => string;
  readonly hint?: string;
}

const AUTH_HINT = "Check the keys: environment, profile, or `remote modify --local NAME access_key_id …`.";

const REGION_HINT = "Set its region (`remote modify NAME region …`), and an endpoint that serves it.";

function elsewhere({ bucket }: S3Failure): string {
  return `the bucket '${bucket}' lies in another region, or is served elsewhere`;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: {
    code: "config",
    text: ({ bucket }) => `the bucket '${bucket}' does not exist`,
    hint: "Check the remote's url and endpoint, or create the bucket.",
  },
  NoSuchKey: { code: "not-found", text: ({ url }) => `'${url}' does not exist` },
  NoSuchVersion: { code: "not-found", text: ({ url }) => `this version of '${url}' does not exist` },
  InvalidAccessKeyId: { code: "auth", text: () => "the access key id is not known to the server", hint: AUTH_HINT },
  /** versitygw's word for it. */
  XAdminUserNotFound: { code: "auth", text: () => "the access key id is not known to the server", hint: AUTH_HINT },
  SignatureDoesNotMatch: {
    code: "auth",
    text: () => "the secret access key does not fit the access key id",
    hint: AUTH_HINT,
  },
  ExpiredToken: { code: "auth", text: () => "the session has ended", hint: "Log in again (for SSO: `aws sso login`)." },
  InvalidToken: { code: "auth", text: () => "the session token is not valid", hint: AUTH_HINT },
  AccessDenied: {
    code: "auth",
    text: ({ url }) => `access to '${url}' was denied`,
    hint: "The keys are known, but may not do this: check the permissions of the user and the bucket's policy.",
  },
  AllAccessDisabled: { code: "auth", text: ({ bucket }) => `all access to the bucket '${bucket}' is disabled` },
  PreconditionFailed: { code: "storage", text: ({ url }) => `'${url}' was replaced while it was fetched` },
  PermanentRedirect: { code: "config", text: elsewhere, hint: REGION_HINT },
  TemporaryRedirect: { code: "config", text: elsewhere, hint: REGION_HINT },
  AuthorizationHeaderMalformed: { code: "config", text: elsewhere, hint: REGION_HINT },
  IllegalLocationConstraintException: { code: "config", text: elsewhere, hint: REGION_HINT },
  RequestTimeTooSkewed: { code: "auth", text: () => "this machine's clock is wrong", hint: "Set the clock." },
};

/** Server failures that pass: worth trying again. */
const PASSING = new Set([
  "SlowDown",
  "ServiceUnavailable",
  "InternalError",
  "RequestTimeout",
  "Throttling",
  "ThrottlingException",
  "RequestLimitExceeded",
  "BadDigest",
  "XAmzContentSHA256Mismatch",
  "OperationAborted",
  "IncompleteBody",
]);
const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504, 509]);

/** The error code in an answer's XML, else one made of the HTTP status. */
export function s3ErrorCode(status: number, body: string): string {
  const code = xmlText(body, "Code");
  if (code !== undefined) return code;
  if (status === 404) return "NoSuchKey";
  if (status === 301) return "PermanentRedirect";
  return status === 403 ? "AccessDenied" : `HTTP ${String(status)}`;
}

/** The error for a failing answer. Nothing of the request's headers is in it, so no secret either. */
export function s3Error(failure: S3Failure): S3AnswerError {
  const found = s3ErrorCode(failure.status, failure.body);
  // Of a bucket itself, from a server that says no more.
  const code = found === "NoSuchKey" && failure.url === `s3://${failure.bucket}` ? "NoSuchBucket" : found;
  const meaning = MEANINGS[code];
  const said = xmlText(failure.body, "Message");
  const plain = `'${failure.url}': ${said ?? "the server refused"}`;
  return new S3AnswerError(`${meaning?.text(failure) ?? plain} (${code})`, code, {
    protocol: "s3",
    path: failure.url,
    code: meaning?.code ?? (failure.status === 401 || failure.status === 403 ? "auth" : "storage"),
    retryable: PASSING.has(code) || (meaning === undefined && PASSING_STATUS.has(failure.status)),
    ...(meaning?.hint === undefined ? {} : { hint: meaning.hint }),
  });
}
