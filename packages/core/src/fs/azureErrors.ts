import { type ErrorCode, StorageError } from "../base/errors.ts";
import type { CloudAnswer, CloudRequest } from "./cloudHttp.ts";
import { S3AnswerError } from "./s3Errors.ts";
import { xmlText } from "./s3Xml.ts";

/** Who asked, as far as it matters for what a refusal means. */
export interface AzureAsker {
  readonly anonymous: boolean;
  readonly account: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

/** What an answer is about, to make a sentence of. */
interface Refusal extends AzureAsker {
  readonly about: string;
  readonly container: string;
  /** How far the server's clock is ahead (ms). */
  readonly skewMs: number;
}

const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const PASSING_CODES: ReadonlySet<string> = new Set(["Md5Mismatch", "IncompleteBody", "OperationTimedOut"]);
/** The service takes requests of the last 15 minutes. */
const MAX_SKEW_MS = 14 * 60_000;

/** The error for a failing answer. Nothing of the request's headers or query is in it, so no secret either. */
export function azureError(request: CloudRequest, answer: CloudAnswer, asker: AzureAsker): StorageError {
  const { status, headers } = answer;
  const body = answer.body.toString("utf8").slice(0, 4000);
  const name = headers["x-ms-error-code"] ?? xmlText(body, "Code") ?? (status === 404 ? "BlobNotFound" : "");
  const { about } = request;
  const container = /^azure:\/\/([^/]*)/.exec(about)?.[1] ?? about;
  const skewMs = Date.parse(headers["date"] ?? "") - Date.now();
  const meaning = meaningOf(name, status, { ...asker, about, container, skewMs });
  const said = xmlText(body, "Message")?.split("\n")[0]?.slice(0, 300);
  const { code, text, hint } = meaning ?? {
    code: status === 401 || status === 403 ? "auth" : "storage",
    text: `'${about}': ${said ?? "the server refused"}`,
  };
  const retryable = PASSING.has(status) || PASSING_CODES.has(name);
  const at = { protocol: "azure", path: about, code, retryable, ...(hint === undefined ? {} : { hint }) };
  const message = `${text} (${name === "" ? `HTTP ${String(status)}` : name})`;
  return name === "ConditionNotMet"
    ? new S3AnswerError(message, "PreconditionFailed", at)
    : new StorageError(message, at);
}

function meaningOf(name: string, status: number, of: Refusal): Meaning | undefined {
  if (status === 403 && Math.abs(of.skewMs) > MAX_SKEW_MS)
    return { code: "auth", text: "this machine's clock is wrong", hint: "Set the clock." };
  // A container that is not open to everybody is said not to be there.
  if (of.anonymous && (name === "ResourceNotFound" || name === "PublicAccessNotPermitted" || status === 401))
    return {
      code: "auth",
      text: `'${of.about}' is not there, or not open to everybody`,
      hint: "Set `account_key`, `sas_token` or `connection_string`, or log in: `az login`.",
    };
  return MEANINGS[name]?.(of);
}

const MEANINGS: Readonly<Record<string, (of: Refusal) => Meaning>> = {
  ContainerNotFound: ({ container }) => ({
    code: "config",
    text: `the container '${container}' does not exist`,
    hint: "Check the remote's url and account, or create the container.",
  }),
  ContainerBeingDeleted: ({ container }) => ({
    code: "config",
    text: `the container '${container}' is being deleted`,
  }),
  InvalidResourceName: ({ container, about }) => ({
    code: "config",
    text: `'${container}' cannot be a container's name, or '${about}' a blob's`,
  }),
  BlobNotFound: ({ about }) => ({ code: "not-found", text: `'${about}' does not exist` }),
  ResourceNotFound: ({ about }) => ({ code: "not-found", text: `'${about}' does not exist` }),
  AuthenticationFailed: ({ account }) => ({
    code: "auth",
    text: `what logs in to the account '${account}' is not valid, or has ended`,
    hint: "Check the key, the SAS token (its dates too) or the log-in, and that it is this account's.",
  }),
  InvalidAuthenticationInfo: ({ account }) => ({
    code: "auth",
    text: `the log-in is not one for the account '${account}'`,
    hint: "Log in to the right tenant: `az login --tenant …`.",
  }),
  NoAuthenticationInformation: ({ about }) => ({ code: "auth", text: `'${about}' is not open to everybody` }),
  AuthorizationFailure: denied,
  AuthorizationPermissionMismatch: denied,
  AuthorizationResourceTypeMismatch: deniedBySas,
  AuthorizationServiceMismatch: deniedBySas,
  AuthorizationProtocolMismatch: deniedBySas,
  AuthorizationSourceIPMismatch: deniedBySas,
  InsufficientAccountPermissions: denied,
  KeyBasedAuthenticationNotPermitted: ({ account }) => ({
    code: "auth",
    text: `the account '${account}' takes no keys`,
    hint: "Log in instead: `az login`, or set tenant_id, client_id and client_secret.",
  }),
  AccountIsDisabled: ({ account }) => ({ code: "auth", text: `the account '${account}' is disabled` }),
  ConditionNotMet: ({ about }) => ({ code: "storage", text: `'${about}' was replaced while it was fetched` }),
  BlobArchived: ({ about }) => ({
    code: "storage",
    text: `'${about}' lies in the archive tier`,
    hint: "Bring it back first: `az storage blob set-tier --tier Hot …`; that takes hours.",
  }),
  LeaseIdMissing: ({ about }) => ({ code: "storage", text: `'${about}' is leased by somebody` }),
  BlobImmutableDueToPolicy: ({ about }) => ({
    code: "storage",
    text: `'${about}' may not be changed: a policy keeps it`,
  }),
};

function denied({ about }: Refusal): Meaning {
  return {
    code: "auth",
    text: `access to '${about}' was denied`,
    hint: "Check the roles on the container (Storage Blob Data Contributor to push, Reader to pull), what a SAS token allows, and the account's firewall.",
  };
}

function deniedBySas({ about }: Refusal): Meaning {
  return {
    code: "auth",
    text: `the SAS token does not cover '${about}'`,
    hint: "It needs the service Blob, the resource types Container and Object, and the rights to read, write, list and delete.",
  };
}
