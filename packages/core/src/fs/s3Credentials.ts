import { ConfigError, DvcError, StorageError } from "../base/errors.ts";
import { readAwsFile, type AwsSection } from "./awsFiles.ts";
import { importPackage } from "./optionalPackage.ts";
import type { AwsFile, S3Settings } from "./s3Settings.ts";
import type { S3Keys } from "./s3Sign.ts";

/** Gives the keys to sign with, `undefined` for anonymous use; renews them before they end. */
export type KeySource = () => Promise<S3Keys | undefined>;

/** Keys are renewed when they have less than this left. */
const RENEW_BEFORE_MS = 5 * 60_000;
/** Entries of a profile that need more than the file itself: roles, log-ins, programs. */
const INDIRECT = [
  "role_arn",
  "credential_process",
  "sso_session",
  "sso_start_url",
  "web_identity_token_file",
  "login_session",
];
/** Entries that a file which is not the user's own may not hold anywhere. */
const DANGEROUS = ["credential_process", "sso_session", "sso_start_url", "web_identity_token_file", "login_session"];

/**
 * Keys in AWS's own order: options, environment, then the shared files, and whatever needs a service or a program (SSO,
 * roles, web identity, `credential_process`, container and instance credentials) through the AWS SDK, which is loaded
 * only then (0.17 s).
 */
export function keySource(settings: S3Settings): KeySource {
  if (settings.anonymous) return () => Promise.resolve(undefined);
  const { keys } = settings;
  if (keys !== undefined) return () => Promise.resolve(keys);
  let held: Promise<S3Keys> | undefined;
  let expiresMs = Infinity;
  return () => {
    if (held === undefined || Date.now() > expiresMs - RENEW_BEFORE_MS) {
      expiresMs = Infinity;
      held = findKeys(settings).then((found) => {
        expiresMs = found.expiresMs ?? Infinity;
        return found;
      });
      held.catch(() => {
        held = undefined;
      });
    }
    return held;
  };
}

async function findKeys(settings: S3Settings): Promise<S3Keys> {
  const credentials = checkedFile(settings.credentialsFile);
  const config = checkedFile(settings.configFile);
  const name = settings.profile ?? "default";
  const profile: AwsSection = { ...config.get(name), ...credentials.get(name) };
  if (settings.profile !== undefined && !credentials.has(name) && !config.has(name)) {
    throw new StorageError(`the AWS profile '${name}' does not exist`, {
      protocol: "s3",
      path: settings.credentialsFile.path,
      code: "auth",
      hint: `Looked in '${settings.credentialsFile.path}' and '${settings.configFile.path}'.`,
    });
  }
  const fromFile = INDIRECT.some((entry) => profile[entry] !== undefined) ? undefined : staticKeys(profile);
  return fromFile ?? keysFromSdk(settings);
}

function staticKeys(profile: AwsSection): S3Keys | undefined {
  const accessKeyId = profile["aws_access_key_id"];
  const secretAccessKey = profile["aws_secret_access_key"];
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const sessionToken = profile["aws_session_token"];
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** A file that a committed config names may hold keys, but nothing that makes this machine run or log in to something. */
function checkedFile(file: AwsFile): Map<string, AwsSection> {
  const sections = readAwsFile(file.path);
  if (file.trusted) return sections;
  for (const section of sections.values()) {
    const entry = DANGEROUS.find((name) => section[name] !== undefined);
    if (entry === undefined) continue;
    throw new ConfigError(
      `'${file.path}' holds '${entry}', which is not used from a file that the committed config names`,
      {
        hint: "If you trust it, name the file yourself with `remote modify --local`.",
      },
    );
  }
  return sections;
}

async function keysFromSdk(settings: S3Settings): Promise<S3Keys> {
  // The SDK warns on stderr about the age of Node; that is for its developers.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  const sdk = await importPackage(
    "@aws-sdk/credential-providers",
    "S3 log-ins other than plain keys",
    () => import("@aws-sdk/credential-providers"),
  );
  try {
    const provider = sdk.fromNodeProviderChain({
      filepath: settings.credentialsFile.path,
      configFilepath: settings.configFile.path,
      ...(settings.profile === undefined ? {} : { profile: settings.profile }),
      ...(settings.region === undefined ? {} : { clientConfig: { region: settings.region } }),
    });
    const found = await provider();
    return {
      accessKeyId: found.accessKeyId,
      secretAccessKey: found.secretAccessKey,
      ...(found.sessionToken === undefined ? {} : { sessionToken: found.sessionToken }),
      ...(found.expiration === undefined ? {} : { expiresMs: found.expiration.getTime() }),
    };
  } catch (cause) {
    if (cause instanceof DvcError) throw cause;
    throw new StorageError("no AWS credentials were found", {
      protocol: "s3",
      path: settings.profile ?? "default",
      code: "auth",
      cause,
      hint: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, `aws sso login`, or `remote modify --local NAME access_key_id …`.",
    });
  }
}
