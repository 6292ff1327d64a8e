import { createHash } from "node:crypto";
import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { readAwsFile, type AwsSection } from "./awsFiles.ts";
import type { OpenOptions } from "./openOptions.ts";
import { absolute, milliseconds, refuseInside, text } from "./optionValues.ts";
import type { S3Keys } from "./s3Sign.ts";

/** A file of AWS settings. `trusted`: the user's own, so that it may name programs and log-ins. */
export interface AwsFile {
  readonly path: OsPath;
  readonly trusted: boolean;
}

/** How to reach and use S3: the remote's options joined with AWS's environment variables and files. */
export interface S3Settings {
  /** Undefined: Amazon's, by region. */
  readonly endpoint: URL | undefined;
  /** Undefined: not set anywhere; starts as us-east-1 and follows the bucket. */
  readonly region: string | undefined;
  /** Each bucket is asked where it lies before anything else is asked of it (`cache_regions`). */
  readonly cacheRegions: boolean;
  readonly useSsl: boolean;
  readonly pathStyle: boolean;
  /** False: certificates are not checked. A path: certificate authorities to trust instead of the system's. */
  readonly verify: boolean | OsPath;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly maxAttempts: number | undefined;
  readonly anonymous: boolean;
  readonly profile: string | undefined;
  /** Keys named by the remote's options or the environment; undefined: look in files, then elsewhere. */
  readonly keys: S3Keys | undefined;
  /** Where `keys` were named. */
  readonly keysFrom: "options" | "environment";
  readonly credentialsFile: AwsFile;
  readonly configFile: AwsFile;
  /** Sent when an object is created. */
  readonly writeHeaders: Readonly<Record<string, string>>;
  /** Sent whenever the bytes or facts of an object are asked for or parts are sent (customer keys). */
  readonly customerHeaders: Readonly<Record<string, string>>;
  /** Bytes from which an upload goes in parts, and of each part. */
  readonly multipartThreshold: number;
  readonly multipartChunk: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What a storage like S3 must know of how objects are sent and asked for. */
export type ObjectSettings = Pick<
  S3Settings,
  "writeHeaders" | "customerHeaders" | "multipartThreshold" | "multipartChunk"
>;

const MIB = 1 << 20;

/**
 * Reads the options of an S3 remote. Remote options win over the environment, which wins over the files, as in boto.
 * @throws {ConfigError} for values that do not fit, and for files that a committed config may not name.
 */
export function s3Settings(options: OpenOptions): S3Settings {
  const { values, env } = options;
  const credentialsFile = awsFile(options, "credentialpath", "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  const configFile = awsFile(options, "configpath", "AWS_CONFIG_FILE", "config");
  // Of the two variables the older one counts, in boto and so in DVC.
  const profile = text(values["profile"]) ?? text(env["AWS_DEFAULT_PROFILE"]) ?? text(env["AWS_PROFILE"]);
  const sections = readAwsFile(configFile.path);
  const section: AwsSection = sections.get(profile ?? "default") ?? {};
  const endpoint = endpointOf(options, section, sections);
  const style = section["s3.addressing_style"];
  const region = regionOf(options, section);
  const cacheRegions = boolean(values, "cache_regions", true);
  return {
    endpoint,
    region,
    // As in DVC, a region or an endpoint that is set anywhere is believed.
    cacheRegions: cacheRegions && region === undefined && endpoint === undefined,
    useSsl: boolean(values, "use_ssl", true),
    pathStyle: style === "path" || (style !== "virtual" && endpoint !== undefined && !isAmazon(endpoint)),
    verify: verifyOf(options, section),
    connectTimeoutMs: milliseconds("S3", values, "connect_timeout", 60),
    readTimeoutMs: milliseconds("S3", values, "read_timeout", 60),
    maxAttempts: positive(env["AWS_MAX_ATTEMPTS"] ?? section["max_attempts"]),
    anonymous: boolean(values, "allow_anonymous_login", false),
    profile,
    keys: explicitKeys(options),
    keysFrom: text(values["access_key_id"]) === undefined ? "environment" : "options",
    credentialsFile,
    configFile,
    ...writeHeadersOf(values),
    multipartThreshold: bytes(section["s3.multipart_threshold"]) ?? 8 * MIB,
    multipartChunk: Math.max(5 * MIB, bytes(section["s3.multipart_chunksize"]) ?? 8 * MIB),
    env,
  };
}

function explicitKeys({ values, env }: OpenOptions): S3Keys | undefined {
  const id = text(values["access_key_id"]);
  const secret = text(values["secret_access_key"]);
  if (id !== undefined && secret !== undefined) return keys(id, secret, text(values["session_token"]));
  if (id !== undefined || secret !== undefined) {
    throw new ConfigError("only one of the S3 options 'access_key_id' and 'secret_access_key' is set", {
      hint: "Set both, best with `--local`.",
    });
  }
  const envId = text(env["AWS_ACCESS_KEY_ID"]);
  const envSecret = text(env["AWS_SECRET_ACCESS_KEY"]);
  // A profile of the remote's options wins over the environment's keys, one of the environment does not, in boto and here.
  if (envId === undefined || envSecret === undefined || text(values["profile"]) !== undefined) return undefined;
  return keys(envId, envSecret, text(env["AWS_SESSION_TOKEN"]) ?? text(env["AWS_SECURITY_TOKEN"]));
}

function keys(accessKeyId: string, secretAccessKey: string, sessionToken: string | undefined): S3Keys {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** The environment wins over the option, as in DVC, which only sets the variable's default. */
function awsFile(options: OpenOptions, option: string, variable: string, name: string): AwsFile {
  const fromEnv = text(options.env[variable]);
  if (fromEnv !== undefined) return { path: absolute(fromEnv, options), trusted: true };
  const named = text(options.values[option]);
  if (named === undefined) return { path: join(options.home, ".aws", name), trusted: true };
  const path = absolute(named, options);
  const trusted = options.untrusted?.has(option) !== true;
  if (!trusted) refuseInside(option, path, options.projectRoot);
  return { path, trusted };
}

function endpointOf(
  { values, env }: OpenOptions,
  section: AwsSection,
  sections: ReadonlyMap<string, AwsSection>,
): URL | undefined {
  const given = text(values["endpointurl"]) ?? configuredEndpoint(env, section, sections);
  if (given === undefined) return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new ConfigError(`'${given}' is not an endpoint URL`, { hint: "It begins with http:// or https://." });
  }
  return url;
}

/** It becomes part of a host name, so nothing may stand in it that could make another host of that. */
function regionOf({ values, env }: OpenOptions, section: AwsSection): string | undefined {
  const region =
    text(values["region"]) ?? text(env["AWS_REGION"]) ?? text(env["AWS_DEFAULT_REGION"]) ?? text(section["region"]);
  if (region === undefined || /^[\w.-]+$/.test(region)) return region;
  throw new ConfigError(`the S3 region '${region}' is no region`);
}

function configuredEndpoint(
  env: OpenOptions["env"],
  section: AwsSection,
  sections: ReadonlyMap<string, AwsSection>,
): string | undefined {
  const ignored = env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] ?? section["ignore_configured_endpoint_urls"];
  if (ignored?.toLowerCase() === "true") return undefined;
  const services = sections.get(`services ${section["services"] ?? ""}`);
  return (
    text(env["AWS_ENDPOINT_URL_S3"]) ??
    text(env["AWS_ENDPOINT_URL"]) ??
    services?.["s3.endpoint_url"] ??
    section["s3.endpoint_url"] ??
    section["endpoint_url"]
  );
}

function verifyOf(options: OpenOptions, section: AwsSection): boolean | OsPath {
  const { values, env } = options;
  const given = text(values["ssl_verify"]);
  if (given?.toLowerCase() === "false") return false;
  const path = given === undefined || given.toLowerCase() === "true" ? undefined : given;
  const ca = path ?? text(env["AWS_CA_BUNDLE"]) ?? text(env["REQUESTS_CA_BUNDLE"]) ?? section["ca_bundle"];
  return ca === undefined ? true : absolute(ca, options);
}

const GRANTS: Readonly<Record<string, string>> = {
  grant_full_control: "x-amz-grant-full-control",
  grant_read: "x-amz-grant-read",
  grant_read_acp: "x-amz-grant-read-acp",
  grant_write_acp: "x-amz-grant-write-acp",
};

function writeHeadersOf(values: OpenOptions["values"]): Pick<S3Settings, "writeHeaders" | "customerHeaders"> {
  const customerHeaders = customerHeadersOf(values);
  const headers: Record<string, string> = { ...customerHeaders };
  const sse = text(values["sse"]);
  const kms = text(values["sse_kms_key_id"]);
  const acl = text(values["acl"]);
  if (sse !== undefined) headers["x-amz-server-side-encryption"] = sse;
  if (kms !== undefined) headers["x-amz-server-side-encryption-aws-kms-key-id"] = kms;
  if (acl !== undefined) headers["x-amz-acl"] = acl;
  for (const [option, header] of Object.entries(GRANTS)) {
    const grant = text(values[option]);
    if (grant === undefined) continue;
    if (acl !== undefined) throw new ConfigError("`acl` and `grant_*` AWS S3 config options are mutually exclusive");
    headers[header] = grant;
  }
  return { writeHeaders: headers, customerHeaders };
}

function customerHeadersOf(values: OpenOptions["values"]): Record<string, string> {
  const key = text(values["sse_customer_key"]);
  if (key === undefined) return {};
  if (text(values["sse_kms_key_id"]) !== undefined) {
    throw new ConfigError("`sse_kms_key_id` and `sse_customer_key` AWS S3 config options are mutually exclusive");
  }
  const raw = Buffer.from(key, "base64");
  return {
    "x-amz-server-side-encryption-customer-algorithm": text(values["sse_customer_algorithm"]) ?? "AES256",
    "x-amz-server-side-encryption-customer-key": raw.toString("base64"),
    "x-amz-server-side-encryption-customer-key-md5": createHash("md5").update(raw).digest("base64"),
  };
}

function isAmazon(endpoint: URL): boolean {
  return /(^|\.)amazonaws\.com(\.cn)?$/.test(endpoint.hostname);
}

function boolean(values: OpenOptions["values"], name: string, otherwise: boolean): boolean {
  const value = text(values[name])?.toLowerCase();
  if (value === undefined) return otherwise;
  if (value === "true" || value === "false") return value === "true";
  throw new ConfigError(`the S3 option '${name}' is '${value}', neither true nor false`);
}

function positive(value: string | undefined): number | undefined {
  const number = Number(value);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}

function bytes(value: string | undefined): number | undefined {
  const match = /^(\d+)\s*(?:([kmgt])i?b)?$/i.exec(value ?? "");
  if (match === null) return undefined;
  return Number(match[1]) * 1024 ** " kmgt".indexOf((match[2] ?? " ").toLowerCase());
}
