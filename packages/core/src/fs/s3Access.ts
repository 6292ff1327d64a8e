import { readAwsFile } from "./awsFiles.ts";
import type { AccessFacts } from "./filesystem.ts";
import { keySource } from "./s3Credentials.ts";
import type { S3Settings } from "./s3Settings.ts";

/**
 * Where the keys come from, and whose they are. Logs in where that is needed.
 * @throws {StorageError} when none are found
 */
export async function describeKeys(settings: S3Settings): Promise<AccessFacts> {
  const keys = await keySource(settings)();
  const endpoint = settings.endpoint?.origin;
  const facts = { credentials: originOf(settings), ...(endpoint === undefined ? {} : { endpoint }) };
  return keys === undefined ? facts : { ...facts, identity: `access key ${shortened(keys.accessKeyId)}` };
}

function originOf(settings: S3Settings): string {
  if (settings.anonymous) return "none (allow_anonymous_login)";
  if (settings.keys !== undefined) {
    return settings.keysFrom === "options"
      ? "the remote's options (access_key_id, secret_access_key)"
      : "environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)";
  }
  const name = settings.profile ?? "default";
  const file = [settings.credentialsFile, settings.configFile].find(({ path }) => readAwsFile(path).has(name));
  return file === undefined
    ? "a role of this machine or container (through the AWS SDK)"
    : `profile '${name}' of ${file.path}`;
}

/** An access key id is no secret, but its middle is nobody's business. */
function shortened(id: string): string {
  return id.length <= 8 ? `${id.slice(0, 2)}…` : `${id.slice(0, 4)}…${id.slice(-4)}`;
}
