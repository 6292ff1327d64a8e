import { ConfigError } from "../base/errors.ts";
import type { OpenOptions } from "./openOptions.ts";
import { milliseconds, secretOf, text, tlsChoice } from "./optionValues.ts";
import type { TlsChoice } from "./tlsChoice.ts";
import { basicHeaders, customHeaders, fixedLogin, type WebLogin } from "./webLogin.ts";

/** How to reach a web server: DVC's options of `http://` and `https://` remotes. */
export interface HttpSettings {
  readonly base: URL;
  readonly env: OpenOptions["env"];
  readonly login: WebLogin;
  readonly uploadMethod: "POST" | "PUT";
  readonly tls: TlsChoice;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** For a person. */
  readonly credentials: string;
  /** Nobody logs in: what is refused then may as well not be there. */
  readonly hidesAbsence: boolean;
}

const DEFAULT_SECONDS = 60;

/** Reads a URL and the remote's options. @throws {ConfigError} for what does not fit */
export async function httpSettings(url: string, options: OpenOptions): Promise<HttpSettings> {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base === undefined || base.hostname === "") throw new ConfigError(`'${url}' is not a URL of a web server`);
  const { values } = options;
  const { login, credentials, hidesAbsence = false } = await authOf(base, options);
  base.username = base.password = "";
  return {
    base,
    env: options.env,
    login,
    credentials,
    hidesAbsence,
    uploadMethod: methodOf(values["method"]),
    tls: tlsChoice(options),
    connectTimeoutMs: milliseconds("HTTP", values, "connect_timeout", DEFAULT_SECONDS),
    readTimeoutMs: milliseconds("HTTP", values, "read_timeout", DEFAULT_SECONDS),
  };
}

type Auth = Pick<HttpSettings, "login" | "credentials"> & Partial<Pick<HttpSettings, "hidesAbsence">>;

async function authOf(base: URL, options: OpenOptions): Promise<Auth> {
  const { values } = options;
  const kind = values["auth"]?.toLowerCase() ?? "";
  if (kind === "") return urlAuth(base);
  const user = text(values["user"]);
  const question = `Enter a password for host '${base.href}' user '${user ?? "custom"}':\n`;
  const password = await secretOf(options, "password", { question, who: `'${user ?? "custom"}' on ${base.origin}` });
  if (kind === "basic") {
    if (user === undefined || password === undefined)
      throw new ConfigError("HTTP 'basic' authentication require both 'user' and 'password'");
    return {
      login: fixedLogin(basicHeaders(user, password)),
      credentials: `password of user '${user}' (options user, password)`,
    };
  }
  if (kind === "custom") {
    const header = text(values["custom_auth_header"]);
    if (header === undefined || password === undefined)
      throw new ConfigError("HTTP 'custom' authentication require both 'custom_auth_header' and 'password'");
    return {
      login: fixedLogin(customHeaders(header, password)),
      credentials: `the header '${header}' (option password)`,
    };
  }
  throw new ConfigError(`Auth method '${kind}' is not supported.`, { code: "unsupported" });
}

function urlAuth({ username, password }: URL): Auth {
  if (username === "") return { login: fixedLogin({}), credentials: "none", hidesAbsence: true };
  const headers = basicHeaders(decodeURIComponent(username), decodeURIComponent(password));
  return { login: fixedLogin(headers), credentials: `user '${decodeURIComponent(username)}' of the URL` };
}

function methodOf(value: string | undefined): "POST" | "PUT" {
  const method = (text(value) ?? "POST").toUpperCase();
  if (method === "POST" || method === "PUT") return method;
  throw new ConfigError(`the HTTP option 'method' is '${method}', neither POST nor PUT`);
}
