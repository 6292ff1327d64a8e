import { ConfigError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { OpenOptions } from "./openOptions.ts";
import { absolute, isOn, refuseInside, text } from "./optionValues.ts";

/** How to reach and use Google Cloud Storage. */
export interface GsSettings {
  readonly endpoint: URL;
  readonly anonymous: boolean;
  /** Why it is anonymous, for `remote test`. */
  readonly anonymousBy: "allow_anonymous_login" | "STORAGE_EMULATOR_HOST";
  readonly credentialFile: { readonly path: OsPath; readonly by: string } | undefined;
  /** The file that `gcloud auth application-default login` writes. */
  readonly gcloudFile: OsPath;
  /** Host of the metadata server; undefined: not to be asked. */
  readonly metadataHost: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads the options of a GCS remote with gcsfs's and Google's environment variables.
 * @throws {ConfigError} for values that do not fit, and where a committed config would get the user's token sent elsewhere.
 */
export function gsSettings(options: OpenOptions): GsSettings {
  const { values, env, home } = options;
  const emulator = text(env["STORAGE_EMULATOR_HOST"]);
  const given = text(values["endpointurl"]);
  const universe = text(env["GOOGLE_CLOUD_UNIVERSE_DOMAIN"]) ?? "googleapis.com";
  const useEmulator = given === undefined && emulator !== undefined && emulator !== "default";
  const endpoint = endpointUrl(given ?? (useEmulator ? withScheme(emulator) : `https://storage.${universe}`));
  const isAllowed = isOn(values["allow_anonymous_login"]);
  const credentialFile = fileOf(options);
  const anonymous = isAllowed || (useEmulator && text(values["credentialpath"]) === undefined);
  if (!anonymous) checkDestination(options, endpoint, universe);
  const configFolder = text(env["CLOUDSDK_CONFIG"]) ?? `${home}/.config/gcloud`;
  return {
    endpoint,
    anonymous,
    anonymousBy: isAllowed ? "allow_anonymous_login" : "STORAGE_EMULATOR_HOST",
    credentialFile,
    gcloudFile: `${configFolder}/application_default_credentials.json`,
    metadataHost: isOn(env["NO_GCE_CHECK"])
      ? undefined
      : (text(env["GCE_METADATA_HOST"]) ?? text(env["GCE_METADATA_IP"]) ?? "169.254.169.254"),
    env,
  };
}

function fileOf(options: OpenOptions): GsSettings["credentialFile"] {
  const option = text(options.values["credentialpath"]);
  if (option !== undefined) {
    const path = absolute(option, options);
    if (options.untrusted?.has("credentialpath") === true) refuseInside("credentialpath", path, options.projectRoot);
    return { path, by: "credentialpath" };
  }
  const variable = text(options.env["GOOGLE_APPLICATION_CREDENTIALS"]);
  if (variable === undefined) return undefined;
  return { path: absolute(variable, options), by: "GOOGLE_APPLICATION_CREDENTIALS" };
}

/** A token opens all that its owner may see: it does not go to a host that only a stranger's config names. */
function checkDestination({ untrusted }: OpenOptions, endpoint: URL, universe: string): void {
  if (untrusted?.has("endpointurl") !== true) return;
  const isGoogle = endpoint.protocol === "https:" && `.${endpoint.hostname}`.endsWith(`.${universe}`);
  if (isGoogle) return;
  throw new ConfigError(
    `the committed config names the endpoint '${endpoint.origin}', which would be sent your Google credentials`,
    {
      hint: "If you trust it, set it for yourself: `remote modify --local NAME endpointurl URL`; or set `allow_anonymous_login`.",
    },
  );
}

function endpointUrl(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url !== undefined && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new ConfigError(`'${given}' is not an endpoint URL`, { hint: "It begins with http:// or https://." });
}

function withScheme(host: string): string {
  return /^\w+:\/\//.test(host) ? host : `http://${host}`;
}
