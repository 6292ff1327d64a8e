import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { readAwsFile, type AwsSection } from "./awsFiles.ts";
import { checkAccount, parseConnection } from "./azureConnection.ts";
import type { AzureTokenSettings } from "./azureToken.ts";
import type { OpenOptions } from "./openOptions.ts";
import { isOn, milliseconds, text } from "./optionValues.ts";

/** What opens the account. `by`: where it was set, for a person. */
export type AzureLogin =
  | { readonly kind: "key"; readonly key: Buffer; readonly by: string }
  | { readonly kind: "sas"; readonly query: string; readonly by: string }
  | { readonly kind: "token"; readonly token: AzureTokenSettings }
  | { readonly kind: "anonymous"; readonly by: string };

/** How to reach and use an Azure storage account. */
export interface AzureSettings {
  readonly account: string;
  /** Its path is the account's name on servers that have no host for each account. */
  readonly endpoint: URL;
  readonly login: AzureLogin;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** How long the server may work at a request (s). */
  readonly serverTimeout: string | undefined;
  readonly env: OpenOptions["env"];
}

/** A value and where it was set. */
interface Found {
  readonly value: string;
  readonly by: string;
}

/**
 * Reads the options of an Azure remote, the environment variables of Azure's CLI and of adlfs, and `~/.azure/config`, in
 * the order in which DVC believes them: a connection string, a key, a SAS token, a service principal, and what the
 * machine or its user is logged in as.
 * @throws {ConfigError} for values that do not fit
 */
export function azureSettings(options: OpenOptions): AzureSettings {
  const sources = new Sources(options);
  const { values, env } = options;
  const common = {
    connectTimeoutMs: milliseconds("Azure", values, "connection_timeout", 20),
    readTimeoutMs: milliseconds("Azure", values, "read_timeout", 60),
    serverTimeout: text(values["timeout"]),
    env,
  };
  const connection = sources.find("connection_string", ["AZURE_STORAGE_CONNECTION_STRING"], "connection_string");
  if (connection !== undefined) return { ...common, ...fromConnection(connection) };
  const account = sources.find("account_name", ["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"], "account");
  if (account === undefined) {
    throw new ConfigError("Authentication to Azure Blob Storage requires either account_name or connection_string.", {
      code: "auth",
      hint: "Set it: `remote modify NAME account_name …`, or `remote modify --local NAME connection_string …`.",
    });
  }
  const name = checkAccount(account.value);
  const endpoint = new URL(`https://${name}.blob.core.windows.net`);
  const login = loginOf(options, sources);
  if (login.kind === "sas" && text(values["sas_token"]) === undefined) checkDestination(options, name, login.by);
  return { ...common, account: name, endpoint, login };
}

/** A SAS token stands in every request: the user's own does not go to an account that only a stranger's config names. */
function checkDestination({ untrusted, env }: OpenOptions, account: string, by: string): void {
  if (untrusted?.has("account_name") !== true) return;
  const own = ["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"].map((name) => text(env[name])?.toLowerCase());
  if (own.includes(account.toLowerCase())) return;
  throw new ConfigError(
    `the committed config names the Azure account '${account}', which would be sent your SAS token (${by})`,
    {
      code: "untrusted",
      hint: "If you trust it, run `trust` in the project, or set it for yourself: `remote modify --local NAME account_name …`, or AZURE_STORAGE_ACCOUNT.",
    },
  );
}

/** The container where a URL names none. */
export function defaultContainer(options: OpenOptions): string | undefined {
  return new Sources(options).find("", ["AZURE_STORAGE_CONTAINER_NAME"], "container_name")?.value;
}

function fromConnection({ value, by }: Found): Pick<AzureSettings, "account" | "endpoint" | "login"> {
  const { account, endpoint, key, sas } = parseConnection(value);
  const within = `${by}, a connection string`;
  const at = { account, endpoint };
  if (key !== undefined) return { ...at, login: { kind: "key", key: keyBytes(key, by), by: within } };
  if (sas !== undefined) return { ...at, login: { kind: "sas", query: sasQuery(sas, by), by: within } };
  return { ...at, login: { kind: "anonymous", by: `${within} without a key` } };
}

function loginOf(options: OpenOptions, sources: Sources): AzureLogin {
  const { values, env } = options;
  const key = sources.find("account_key", ["AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY"], "key");
  if (key !== undefined) return { kind: "key", key: keyBytes(key.value, key.by), by: key.by };
  const sas = sources.find("sas_token", ["AZURE_STORAGE_SAS_TOKEN"], "sas_token");
  if (sas !== undefined) return { kind: "sas", query: sasQuery(sas.value, sas.by), by: sas.by };
  const tenant = sources.find("tenant_id", ["AZURE_STORAGE_TENANT_ID"]);
  const client = sources.find("client_id", ["AZURE_STORAGE_CLIENT_ID"]);
  const secret = sources.find("client_secret", ["AZURE_STORAGE_CLIENT_SECRET"]);
  const isPrincipal = tenant !== undefined && client !== undefined && secret !== undefined;
  if (!isPrincipal && isOn(values["allow_anonymous_login"])) return { kind: "anonymous", by: "allow_anonymous_login" };
  if (!isPrincipal && isOn(env["AZURE_STORAGE_ANON"])) return { kind: "anonymous", by: "AZURE_STORAGE_ANON" };
  const principal = isPrincipal
    ? { tenant: tenant.value, client: client.value, secret: secret.value, by: secret.by }
    : undefined;
  const token = {
    principal,
    useEnvironment: !isOn(values["exclude_environment_credential"]),
    useManagedIdentity: !isOn(values["exclude_managed_identity_credential"]),
    env,
    home: options.home,
  };
  return { kind: "token", token };
}

/** Remote options, then the environment, then the file of Azure's CLI. */
class Sources {
  readonly #options: OpenOptions;
  readonly #file: string;
  #section: AwsSection | undefined;

  constructor(options: OpenOptions) {
    this.#options = options;
    this.#file = join(text(options.env["AZURE_CONFIG_DIR"]) ?? join(options.home, ".azure"), "config");
  }

  find(option: string, variables: readonly string[], inFile?: string): Found | undefined {
    const { values, env } = this.#options;
    const given = text(values[option]);
    if (given !== undefined) return { value: given, by: `the remote's option ${option}` };
    const variable = variables.find((name) => text(env[name]) !== undefined);
    if (variable !== undefined) return { value: env[variable] ?? "", by: `environment (${variable})` };
    if (inFile === undefined) return undefined;
    // The file looks like AWS's.
    this.#section ??= readAwsFile(this.#file).get("storage") ?? {};
    const value = text(this.#section[inFile]);
    return value === undefined ? undefined : { value, by: `'${inFile}' in ${this.#file}` };
  }
}

/** The value is not told. */
function keyBytes(key: string, by: string): Buffer {
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(key.trim())) return Buffer.from(key, "base64");
  throw new ConfigError(`the account key is not valid base64 (${by})`, {
    hint: "Copy it whole from the account's access keys.",
  });
}

/** Without the question mark. The value is not told. */
function sasQuery(token: string, by: string): string {
  const query = token.trim().replace(/^\?/, "");
  if (/^[\w.~!$'()*+,;:@/?%-]+=[\w.~!$&'()*+,;=:@/?%-]*$/.test(query)) return query;
  throw new ConfigError(`the SAS token is not valid (${by})`, {
    hint: "It looks like `sv=…&se=…&sig=…`.",
  });
}
