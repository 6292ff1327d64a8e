import type { ErrorCode } from "../base/errors.ts";
import { S3AnswerError, s3ErrorCode } from "./s3Errors.ts";
import { xmlText } from "./s3Xml.ts";

/** What an answer is about. */
interface Refused {
  /** `oss://bucket/key` */
  readonly url: string;
  readonly bucket: string;
  /** The endpoint that the server names. */
  readonly endpoint: string | undefined;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: (refused: Refused) => string;
  readonly hint?: string;
  readonly passes?: true;
}

const KEYS_HINT = "Check the keys: OSS_ACCESS_KEY_ID, or `remote modify --local NAME oss_key_id …`.";

const MEANINGS: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: {
    code: "config",
    text: ({ bucket }) => `the bucket '${bucket}' does not exist`,
    hint: "Check the remote's url and oss_endpoint, or create the bucket.",
  },
  InvalidBucketName: { code: "config", text: ({ bucket }) => `'${bucket}' cannot be a bucket's name` },
  NoSuchKey: { code: "not-found", text: ({ url }) => `'${url}' does not exist` },
  InvalidAccessKeyId: { code: "auth", text: () => "the key id is not known to the server", hint: KEYS_HINT },
  SignatureDoesNotMatch: { code: "auth", text: () => "the key secret does not fit the key id", hint: KEYS_HINT },
  SecurityTokenExpired: { code: "auth", text: () => "the session has ended", hint: "Get new keys of a session." },
  InvalidSecurityToken: { code: "auth", text: () => "the session's token is not valid", hint: KEYS_HINT },
  AccessDenied: {
    code: "auth",
    text: ({ url }) => `access to '${url}' was denied`,
    hint: "Without keys only public buckets are open; with keys, check the rights of the user and the bucket's policy.",
  },
  UserDisable: { code: "auth", text: () => "the account is disabled or owes money" },
  RequestTimeTooSkewed: { code: "auth", text: () => "this machine's clock is wrong", hint: "Set the clock." },
  PreconditionFailed: { code: "storage", text: ({ url }) => `'${url}' was replaced while it was fetched` },
  InvalidObjectState: {
    code: "storage",
    text: ({ url }) => `'${url}' lies in the archive`,
    hint: "Restore it first; that takes minutes to hours.",
  },
  InvalidDigest: { code: "storage", text: ({ url }) => `'${url}' was changed on its way`, passes: true },
};

const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** The error for a failing answer. Nothing of the request's headers is in it, so no secret either. */
export function ossError(url: string, status: number, body: string): S3AnswerError {
  const reason = s3ErrorCode(status, body);
  const bucket = /^oss:\/\/([^/]*)/.exec(url)?.[1] ?? url;
  const endpoint = xmlText(body, "Endpoint");
  const isElsewhere = status === 403 && endpoint !== undefined;
  const meaning = isElsewhere ? elsewhere(endpoint) : MEANINGS[reason];
  const said = xmlText(body, "Message")?.slice(0, 300);
  const text = meaning?.text({ url, bucket, endpoint }) ?? `'${url}': ${said ?? "the server refused"}`;
  return new S3AnswerError(`${text} (${reason})`, reason, {
    protocol: "oss",
    path: url,
    code: meaning?.code ?? (status === 401 || status === 403 ? "auth" : "storage"),
    retryable: meaning?.passes ?? (meaning === undefined && PASSING.has(status)),
    ...(meaning?.hint === undefined ? {} : { hint: meaning.hint }),
  });
}

function elsewhere(endpoint: string): Meaning {
  return {
    code: "config",
    text: ({ bucket }) => `the bucket '${bucket}' lies elsewhere: its endpoint is ${endpoint}`,
    hint: `Set it: \`remote modify NAME oss_endpoint ${endpoint}\`.`,
  };
}
