import { ConfigError } from "../base/errors.ts";
import type { ConfigSections } from "./configSections.ts";
import { allOf, anyOf, errorText, isAnything, isBoolean, isText, mappingOf, matches } from "./schema.ts";
import type { Check } from "./schema.ts";
import { isRecord } from "./pyValues.ts";

const lower = (value: unknown): string => String(value).toLowerCase();

/** `true` or `false`, in any case. */
const FLAG = matches((value) => ["true", "false"].includes(lower(value)), "expected true or false");
const FLAG_OR_TEXT = anyOf([FLAG, isText]);
const INTEGER = matches((value) => /^\s*[-+]?\d+(?:_\d+)*\s*$/.test(String(value)), "expected int");
const FLOAT = matches(
  (value) => /^\s*[-+]?(?:(?:\d[\d_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|nan)\s*$/i.test(String(value)),
  "expected float",
);

function atLeast(minimum: number, maximum = Infinity): Check {
  return allOf([
    matches((value) => Number(value) >= minimum, `value must be at least ${String(minimum)}`),
    matches((value) => Number(value) <= maximum, `value must be at most ${String(maximum)}`),
  ]);
}

function oneOf(...choices: string[]): Check {
  return matches((value) => choices.includes(lower(value)), `expected one of ${choices.join(", ")}`);
}

const COUNT = allOf([INTEGER, atLeast(1)]);
const SECONDS = allOf([FLOAT, atLeast(0)]);
/** Names are compared in lower case, so anything goes. */
const NAME = isAnything;
/** No option is given as a number by a file, so DVC refuses every value of these. */
const NEVER_INTEGER = matches(() => false, "expected int");

const LINKS: Check = (value, path) => {
  const types =
    typeof value === "string"
      ? value.split(",").map((one) => one.trim())
      : Array.isArray(value)
        ? (value as string[])
        : [];
  const bad = [...new Set(types)].filter((type) => !["reflink", "hardlink", "symlink", "copy"].includes(type));
  return bad.length === 0 ? [] : [{ message: `Unsupported cache type(s): ${bad.join(", ")}`, path, isValue: false }];
};

function texts(names: string): Record<string, Check> {
  return Object.fromEntries(names.split(" ").map((name) => [name, isText]));
}

function flags(names: string): Record<string, Check> {
  return Object.fromEntries(names.split(" ").map((name) => [name, FLAG]));
}

function integers(names: string): Record<string, Check> {
  return Object.fromEntries(names.split(" ").map((name) => [name, INTEGER]));
}

const COMMON: Record<string, Check> = {
  url: isText,
  checksum_jobs: COUNT,
  jobs: COUNT,
  ...flags("worktree no_traverse version_aware"),
};
const LOCAL: Record<string, Check> = {
  type: LINKS,
  shared: oneOf("group"),
  ...flags("protected slow_link_warning verify"),
};
const HTTP = mappingOf({
  keys: {
    ...COMMON,
    auth: oneOf("basic", "digest", "custom"),
    ...texts("custom_auth_header user password method"),
    ...flags("ask_password verify"),
    ssl_verify: FLAG_OR_TEXT,
    connect_timeout: SECONDS,
    read_timeout: SECONDS,
  },
});
const WEBDAV = mappingOf({
  keys: {
    ...COMMON,
    ...texts("user password token bearer_token_command custom_auth_header cert_path key_path"),
    ...flags("ask_password verify"),
    timeout: INTEGER,
    ssl_verify: FLAG_OR_TEXT,
  },
});

const REMOTES: Readonly<Record<string, Check>> = {
  "": mappingOf({ keys: { ...COMMON, ...LOCAL } }),
  s3: mappingOf({
    keys: {
      ...COMMON,
      ...texts("region profile credentialpath configpath endpointurl access_key_id secret_access_key session_token"),
      ...texts("sse sse_kms_key_id sse_customer_algorithm sse_customer_key acl grant_read grant_read_acp"),
      ...texts("grant_write_acp grant_full_control"),
      ...flags("listobjects use_ssl allow_anonymous_login verify"),
      ...integers("read_timeout connect_timeout"),
      ssl_verify: FLAG_OR_TEXT,
      cache_regions: isBoolean,
    },
  }),
  gs: mappingOf({
    keys: { ...COMMON, ...texts("projectname credentialpath endpointurl"), ...flags("verify allow_anonymous_login") },
  }),
  ssh: mappingOf({
    keys: {
      ...COMMON,
      type: LINKS,
      ...integers("port timeout max_sessions"),
      ...texts("user password passphrase keyfile"),
      ...flags("ask_password ask_passphrase gss_auth allow_agent verify"),
    },
  }),
  hdfs: mappingOf({ keys: { ...COMMON, ...texts("user kerb_ticket"), replication: NEVER_INTEGER } }),
  webhdfs: mappingOf({
    keys: {
      ...COMMON,
      ...flags("kerberos use_https verify"),
      ...texts("kerberos_principal proxy_to token user password data_proxy_target"),
      ssl_verify: FLAG_OR_TEXT,
    },
  }),
  azure: mappingOf({
    keys: {
      ...COMMON,
      ...texts("connection_string sas_token account_name account_key tenant_id client_id client_secret"),
      ...flags("allow_anonymous_login exclude_environment_credential exclude_visual_studio_code_credential"),
      ...flags("exclude_shared_token_cache_credential exclude_managed_identity_credential verify"),
      ...integers("timeout read_timeout connection_timeout"),
    },
  }),
  oss: mappingOf({ keys: { ...COMMON, ...texts("oss_key_id oss_key_secret oss_endpoint"), ...flags("verify") } }),
  gdrive: mappingOf({
    keys: {
      ...COMMON,
      ...texts("profile gdrive_client_id gdrive_client_secret gdrive_user_credentials_file"),
      ...texts("gdrive_service_account_user_email gdrive_service_account_json_file_path"),
      ...flags("gdrive_use_service_account gdrive_trash_only gdrive_acknowledge_abuse verify"),
    },
  }),
  http: HTTP,
  https: HTTP,
  webdav: WEBDAV,
  webdavs: WEBDAV,
  remote: mappingOf({ open: true }),
};

const REMOTE: Check = (value, path) => {
  if (!isRecord(value) || !("url" in value)) return [{ message: "expected 'url'", path, isValue: false }];
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?\/\/([^/?#]*)/.exec(String(value["url"]));
  const scheme = (match?.[2] ?? "") === "" ? "" : (match?.[1] ?? "").toLowerCase();
  const check = Object.hasOwn(REMOTES, scheme) ? REMOTES[scheme] : undefined;
  return check === undefined
    ? [{ message: `Unsupported URL type ${scheme}://`, path, isValue: false }]
    : check(value, path);
};

const CONFIG: Check = mappingOf({
  keys: {
    core: mappingOf({
      keys: {
        remote: NAME,
        checksum_jobs: COUNT,
        ...flags("interactive analytics hardlink_lock no_scm autostage experiments check_update"),
        site_cache_dir: isText,
        machine: NAME,
      },
    }),
    cache: mappingOf({ keys: { ...texts("local s3 gs hdfs webhdfs ssh azure dir"), ...LOCAL } }),
    remote: mappingOf({ rest: REMOTE }),
    state: mappingOf({ keys: { dir: isText, row_limit: COUNT, row_cleanup_quota: allOf([INTEGER, atLeast(0, 100)]) } }),
    index: mappingOf({ keys: texts("dir") }),
    machine: mappingOf({
      rest: mappingOf({
        keys: {
          cloud: oneOf("aws", "azure"),
          region: oneOf("us-west", "us-east", "eu-west", "eu-north"),
          spot: FLAG,
          spot_price: FLOAT,
          instance_hdd_size: INTEGER,
          instance_type: NAME,
          instance_gpu: NAME,
          ...texts("image ssh_private startup_script setup_script"),
        },
      }),
    }),
    feature: mappingOf({ keys: flags("machine"), open: true }),
    plots: mappingOf({ keys: { ...texts("html_template out_dir"), auto_open: FLAG } }),
    exp: mappingOf({ keys: { ...texts("code data models metrics params plots live git_remote"), auto_push: FLAG } }),
    parsing: mappingOf({ keys: { bool: oneOf("store_true", "boolean_optional"), list: oneOf("nargs", "append") } }),
    hydra: mappingOf({
      keys: { enabled: FLAG, ...texts("config_dir config_module config_name plugins_path") },
      exclusive: { group: "config_source", keys: ["config_dir", "config_module"] },
    }),
    studio: mappingOf({ keys: { ...texts("token url repo_url"), offline: FLAG } }),
    db: mappingOf({ rest: mappingOf({ keys: texts("url username password") }) }),
  },
});

/**
 * Checks sections, options and values; the first thing wrong is thrown.
 * @param where named in front of the message when given.
 * @throws {ConfigError} in DVC's words, e.g. `config file error: extra keys not allowed @ data['core']['bogus']`.
 */
export function checkConfig(sections: ConfigSections, where?: string): void {
  const first = CONFIG(sections, [])[0];
  if (first === undefined) return;
  throw new ConfigError(`config file error: ${where === undefined ? "" : `${where}: `}${errorText(first)}`);
}
