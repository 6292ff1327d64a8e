import { azureError } from "./azureErrors.ts";
import type { AzureLogin, AzureSettings } from "./azureSettings.ts";
import { sharedKey } from "./azureSign.ts";
import { type AzureTokenSource, findAzureToken } from "./azureToken.ts";
import { CloudHttp, type CloudRequest } from "./cloudHttp.ts";
import type { AccessFacts } from "./filesystem.ts";
import { renewing, type Token } from "./oauthToken.ts";
import type { RangeSource } from "./s3Download.ts";

/** The version of the REST API: names that XML cannot hold come encoded, folders of Data Lake accounts are told. */
const API_VERSION = "2021-12-02";

/** Azure's REST API for blobs with what authorises each request. */
export class AzureClient {
  readonly http: CloudHttp;
  readonly #settings: AzureSettings;
  readonly #prefix: string;
  readonly #token: () => Promise<Token | undefined>;
  #source: Promise<AzureTokenSource | undefined> | undefined;

  constructor(settings: AzureSettings) {
    this.#settings = settings;
    const { endpoint, login, account, env, connectTimeoutMs, readTimeoutMs } = settings;
    this.#prefix = endpoint.pathname.replace(/\/+$/, "");
    this.#token = renewing(async () => (await this.#find())?.get());
    const asker = { anonymous: login.kind === "anonymous", account };
    this.http = new CloudHttp({
      protocol: "azure",
      base: endpoint,
      env,
      connectTimeoutMs,
      readTimeoutMs,
      authorize: (request, headers) => this.#authorize(request, headers),
      errorOf: (request, answer) => azureError(request, answer, asker),
    });
  }

  async access(): Promise<AccessFacts> {
    const { login, endpoint, account } = this.#settings;
    const source = await this.#find();
    const identity = source?.facts.identity ?? `account ${account}`;
    return { credentials: source?.facts.credentials ?? describe(login), identity, endpoint: endpoint.origin };
  }

  /** Of a blob, or with `key` undefined of the container. */
  path(container: string, key: string | undefined, query: Readonly<Record<string, string | undefined>> = {}): string {
    const blob = key === undefined ? "" : `/${key.split("/").map(encodeURIComponent).join("/")}`;
    const { login, serverTimeout } = this.#settings;
    const given: (readonly [string, string | undefined])[] = [...Object.entries(query), ["timeout", serverTimeout]];
    const pairs = given.flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
    );
    if (login.kind === "sas") pairs.push(login.query);
    return `${this.#prefix}/${encodeURIComponent(container)}${blob}${pairs.length === 0 ? "" : `?${pairs.join("&")}`}`;
  }

  /** For `downloadObject`. */
  ranges(): RangeSource {
    const nameOf: RangeSource["nameOf"] = ({ bucket, key }) => `azure://${bucket}/${key ?? ""}`;
    return {
      nameOf,
      protocol: "azure",
      attempt: (signal, work) => this.http.attempt(signal, work),
      receive: (request, sinkOf) => {
        const { bucket, key, headers = {}, signal, query = {} } = request;
        const path = this.path(bucket, key ?? "", query);
        return this.http.receive({ method: "GET", path, headers, signal, about: nameOf(request) }, sinkOf);
      },
    };
  }

  async #authorize({ method, path, body }: CloudRequest, headers: Record<string, string>): Promise<void> {
    headers["x-ms-version"] = API_VERSION;
    headers["x-ms-date"] = new Date().toUTCString();
    const { login, account } = this.#settings;
    if (login.kind === "key") {
      const length = body?.byteLength ?? 0;
      headers["authorization"] = sharedKey(account, login.key, { method, path, length, headers });
    } else if (login.kind === "token") {
      const token = await this.#token();
      if (token !== undefined) headers["authorization"] = `Bearer ${token.value}`;
    }
  }

  #find(): Promise<AzureTokenSource | undefined> {
    const { login } = this.#settings;
    this.#source ??= login.kind === "token" ? findAzureToken(login.token) : Promise.resolve(undefined);
    return this.#source;
  }
}

function describe(login: AzureLogin): string {
  if (login.kind === "key") return `account key (${login.by})`;
  if (login.kind === "sas") return `SAS token (${login.by})`;
  return login.kind === "anonymous" ? `none (${login.by})` : "token";
}
