import { readFileSync } from "node:fs";
import { ConfigError, StorageError } from "../base/errors.ts";
import { azureCliToken, findAzureCli } from "./azureCli.ts";
import type { AccessFacts } from "./filesystem.ts";
import { askForToken, requestToken, type Token, type TokenAnswer, type TokenAsker, tokenOf } from "./oauthToken.ts";
import { text } from "./optionValues.ts";

/** What a log-in may use. */
export interface AzureTokenSettings {
  /** A service principal that the remote or the environment names for storage alone. */
  readonly principal: AzurePrincipal | undefined;
  readonly useEnvironment: boolean;
  readonly useManagedIdentity: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** An application that logs in by a secret. `by`: where it was set. */
export interface AzurePrincipal {
  readonly tenant: string;
  readonly client: string;
  readonly secret: string;
  readonly by: string;
}

/** Where a token comes from. */
export interface AzureTokenSource {
  readonly facts: Pick<AccessFacts, "credentials" | "identity">;
  readonly get: () => Promise<Token>;
}

const RESOURCE = "https://storage.azure.com";
const SCOPE = `${RESOURCE}/.default`;
const IMDS = "http://169.254.169.254";
const IMDS_VERSION = "2018-02-01";
/** A machine of Azure's answers at once. */
const PROBE_MS = 1000;
const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/**
 * The log-in, in the order of Azure's own libraries: a service principal of the options or the environment, the workload
 * identity of a Kubernetes pod, the identity of this machine or app, the user of Azure's CLI.
 * @throws {StorageError} code "auth" that names what was looked for, when there is none
 */
export async function findAzureToken(settings: AzureTokenSettings): Promise<AzureTokenSource> {
  const { principal, useEnvironment, useManagedIdentity, env } = settings;
  if (principal !== undefined) return fromPrincipal(principal, settings);
  const found =
    (useEnvironment ? fromEnvironment(settings) : undefined) ??
    fromWorkload(settings) ??
    (useManagedIdentity ? (fromApp(settings) ?? (await fromMachine(settings))) : undefined);
  if (found !== undefined) return found;
  const program = findAzureCli(env);
  if (program !== undefined)
    return {
      facts: { credentials: `Azure's CLI (${program})` },
      get: () => azureCliToken(program, RESOURCE, settings),
    };
  throw new StorageError("no credentials for Azure were found", {
    protocol: "azure",
    path: "azure://",
    code: "auth",
    hint: "Looked for: AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, a workload identity, this machine's identity, `az login`. Or set `account_key`, `sas_token` or `connection_string` with `remote modify --local`.",
  });
}

function fromEnvironment(settings: AzureTokenSettings): AzureTokenSource | undefined {
  const { env } = settings;
  const tenant = text(env["AZURE_TENANT_ID"]);
  const client = text(env["AZURE_CLIENT_ID"]);
  const secret = text(env["AZURE_CLIENT_SECRET"]);
  if (tenant === undefined || client === undefined || secret === undefined) return undefined;
  return fromPrincipal({ tenant, client, secret, by: "environment (AZURE_CLIENT_SECRET)" }, settings);
}

function fromPrincipal({ tenant, client, secret, by }: AzurePrincipal, settings: AzureTokenSettings): AzureTokenSource {
  const url = tokenUrl(tenant, settings);
  const form = { grant_type: "client_credentials", client_id: client, client_secret: secret, scope: SCOPE };
  return {
    facts: { credentials: `service principal (${by})`, identity: `client ${client}` },
    get: () => requestToken(asker(settings), url, form),
  };
}

/** The file is read anew each time: it is renewed by the cluster. */
function fromWorkload(settings: AzureTokenSettings): AzureTokenSource | undefined {
  const { env } = settings;
  const file = text(env["AZURE_FEDERATED_TOKEN_FILE"]);
  const tenant = text(env["AZURE_TENANT_ID"]);
  const client = text(env["AZURE_CLIENT_ID"]);
  if (file === undefined || tenant === undefined || client === undefined) return undefined;
  const url = tokenUrl(tenant, settings);
  const get = (): Promise<Token> => {
    const assertion = readText(file);
    const grant = { grant_type: "client_credentials", client_id: client, scope: SCOPE };
    const form = { ...grant, client_assertion_type: ASSERTION, client_assertion: assertion };
    return requestToken(asker(settings), url, form);
  };
  return { facts: { credentials: `workload identity (${file})`, identity: `client ${client}` }, get };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new ConfigError(`the token in '${file}' cannot be read`, { cause, hint: "See AZURE_FEDERATED_TOKEN_FILE." });
  }
}

/** The identity of an app (App Service, Functions, Container Apps). */
function fromApp({ env }: AzureTokenSettings): AzureTokenSource | undefined {
  const endpoint = text(env["IDENTITY_ENDPOINT"]);
  const header = text(env["IDENTITY_HEADER"]);
  if (endpoint === undefined || header === undefined || !URL.canParse(endpoint)) return undefined;
  const url = new URL(endpoint);
  url.searchParams.set("api-version", "2019-08-01");
  return managed(url, { "x-identity-header": header }, "this app's identity", env);
}

async function fromMachine({ env }: AzureTokenSettings): Promise<AzureTokenSource | undefined> {
  const url = new URL(`${text(env["AZURE_POD_IDENTITY_AUTHORITY_HOST"]) ?? IMDS}/metadata/identity/oauth2/token`);
  url.searchParams.set("api-version", IMDS_VERSION);
  try {
    // Without the header it refuses, but answers.
    await askForToken(NEAR, { url: url.href, limitMs: PROBE_MS });
  } catch {
    return undefined;
  }
  return managed(url, { metadata: "true" }, "this machine's identity", env);
}

/** Servers of this machine are not asked through a proxy. */
const NEAR: TokenAsker = { protocol: "azure", env: {} };

function managed(
  url: URL,
  headers: Readonly<Record<string, string>>,
  credentials: string,
  env: AzureTokenSettings["env"],
): AzureTokenSource {
  const client = text(env["AZURE_CLIENT_ID"]);
  url.searchParams.set("resource", RESOURCE);
  if (client !== undefined) url.searchParams.set("client_id", client);
  const get = async (): Promise<Token> => {
    const answer: TokenAnswer = await askForToken(NEAR, { url: url.href, headers });
    const token = tokenOf(NEAR, url.origin, answer);
    const ends = Number(answer.said["expires_on"]);
    return Number.isFinite(ends) ? { ...token, expiresMs: ends * 1000 } : token;
  };
  return { facts: { credentials, ...(client === undefined ? {} : { identity: `client ${client}` }) }, get };
}

function asker({ env }: AzureTokenSettings): TokenAsker {
  return { protocol: "azure", env };
}

/** A tenant is part of the address: nothing may stand in it that makes another address of that. */
function tokenUrl(tenant: string, { env }: AzureTokenSettings): string {
  if (!/^[\w.-]+$/.test(tenant)) throw new ConfigError(`'${tenant}' is no name of an Azure tenant`);
  const given = text(env["AZURE_AUTHORITY_HOST"]) ?? "https://login.microsoftonline.com";
  const authority = /^https?:\/\//.test(given) ? given : `https://${given}`;
  if (!URL.canParse(authority)) throw new ConfigError(`AZURE_AUTHORITY_HOST names no server: '${given}'`);
  return `${authority.replace(/\/+$/, "")}/${tenant}/oauth2/v2.0/token`;
}
