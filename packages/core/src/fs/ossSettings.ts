import { ConfigError } from "../base/errors.ts";
import type { OpenOptions } from "./openOptions.ts";
import { text } from "./optionValues.ts";
import type { OssKeys } from "./ossSign.ts";

/** How to reach Aliyun OSS. */
export interface OssSettings {
  /** Of a region; the bucket's name goes before the host. */
  readonly endpoint: URL;
  /** Undefined where the endpoint does not tell: then requests have the older signature. */
  readonly region: string | undefined;
  /** Undefined: public buckets only. */
  readonly keys: OssKeys | undefined;
  /** Where the keys come from, for a person. */
  readonly credentials: string;
  readonly env: OpenOptions["env"];
}

/** Reads the options of an OSS remote with ossfs's environment variables. @throws {ConfigError} for what does not fit */
export function ossSettings({ values, env }: OpenOptions): OssSettings {
  const given = text(values["oss_endpoint"]) ?? text(env["OSS_ENDPOINT"]);
  if (given === undefined) {
    throw new ConfigError("oss:// needs the endpoint of the bucket's region", {
      hint: "Set it: `remote modify NAME oss_endpoint oss-cn-hangzhou.aliyuncs.com`, or OSS_ENDPOINT.",
    });
  }
  const endpoint = endpointUrl(given);
  const region = (text(env["OSS_REGION"]) ?? regionOf(endpoint.hostname))?.replace(/^oss-/, "");
  return { endpoint, region, ...keysOf(values, env), env };
}

function keysOf(values: OpenOptions["values"], env: OpenOptions["env"]): Pick<OssSettings, "keys" | "credentials"> {
  const id = text(values["oss_key_id"]) ?? text(env["OSS_ACCESS_KEY_ID"]);
  const secret = text(values["oss_key_secret"]) ?? text(env["OSS_ACCESS_KEY_SECRET"]);
  if (id === undefined && secret === undefined) return { keys: undefined, credentials: "none (anonymous)" };
  if (id === undefined || secret === undefined)
    throw new ConfigError("of the OSS options 'oss_key_id' and 'oss_key_secret' one is missing");
  const isOption = text(values["oss_key_id"]) !== undefined;
  const token = isOption ? undefined : text(env["OSS_SESSION_TOKEN"]);
  return {
    keys: { id, secret, ...(token === undefined ? {} : { token }) },
    credentials: isOption
      ? "the remote's options (oss_key_id, oss_key_secret)"
      : "environment (OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET)",
  };
}

/** Without a scheme it is https. */
function endpointUrl(given: string): URL {
  const whole = /^https?:\/\//i.test(given) ? given : `https://${given}`;
  if (URL.canParse(whole) && !/^\w+:\/\/\w+:\/\//.test(whole)) return new URL(whole);
  throw new ConfigError(`'${given}' is not an OSS endpoint`, { hint: "It looks like oss-cn-hangzhou.aliyuncs.com." });
}

function regionOf(host: string): string | undefined {
  const region = /^oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/.exec(host)?.[1];
  return region?.startsWith("accelerate") === true ? undefined : region;
}
