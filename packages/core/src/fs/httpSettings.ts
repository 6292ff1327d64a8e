import { readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { ConfigError } from "../base/errors.ts";
import type { OpenOptions } from "./openOptions.ts";
import type { TlsChoice } from "./streamUpload.ts";

/** How to reach a web server: DVC's options of `http://` and `https://` remotes. */
export interface HttpSettings {
  readonly base: URL;
  readonly env: OpenOptions["env"];
  /** Sent to `base` only, never to where it redirects. */
  readonly authHeaders: Readonly<Record<string, string>>;
  readonly uploadMethod: "POST" | "PUT";
  readonly tls: TlsChoice;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** For a person. */
  readonly credentials: string;
}

const DEFAULT_SECONDS = 60;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Reads a URL and the remote's options. @throws {ConfigError} for what does not fit */
export async function httpSettings(url: string, options: OpenOptions): Promise<HttpSettings> {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base === undefined || base.hostname === "") throw new ConfigError(`'${url}' is not a URL of a web server`);
  const { values } = options;
  const { authHeaders, credentials } = await authOf(base, options);
  base.username = base.password = "";
  return {
    base,
    env: options.env,
    authHeaders,
    credentials,
    uploadMethod: methodOf(values["method"]),
    tls: tlsOf(options),
    connectTimeoutMs: milliseconds(values, "connect_timeout"),
    readTimeoutMs: milliseconds(values, "read_timeout"),
  };
}

type Auth = Pick<HttpSettings, "authHeaders" | "credentials">;

async function authOf(base: URL, options: OpenOptions): Promise<Auth> {
  const { values } = options;
  const kind = values["auth"]?.toLowerCase() ?? "";
  if (kind === "") return urlAuth(base);
  const user = text(values["user"]);
  let password = text(values["password"]);
  if (password === undefined && values["ask_password"]?.toLowerCase() === "true")
    password = await options.askSecret?.(`Enter a password for host '${base.href}' user '${user ?? "custom"}':\n`);
  if (kind === "basic") {
    if (user === undefined || password === undefined)
      throw new ConfigError("HTTP 'basic' authentication require both 'user' and 'password'");
    return { authHeaders: basic(user, password), credentials: `password of user '${user}' (options user, password)` };
  }
  if (kind === "custom") {
    const header = text(values["custom_auth_header"]);
    if (header === undefined || password === undefined)
      throw new ConfigError("HTTP 'custom' authentication require both 'custom_auth_header' and 'password'");
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header)) throw new ConfigError(`'${header}' is no name of an HTTP header`);
    return {
      authHeaders: { [header.toLowerCase()]: password },
      credentials: `the header '${header}' (option password)`,
    };
  }
  throw new ConfigError(`Auth method '${kind}' is not supported.`, { code: "unsupported" });
}

function urlAuth({ username, password }: URL): Auth {
  if (username === "") return { authHeaders: {}, credentials: "none" };
  const headers = basic(decodeURIComponent(username), decodeURIComponent(password));
  return { authHeaders: headers, credentials: `user '${decodeURIComponent(username)}' of the URL` };
}

function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

function methodOf(value: string | undefined): "POST" | "PUT" {
  const method = (text(value) ?? "POST").toUpperCase();
  if (method === "POST" || method === "PUT") return method;
  throw new ConfigError(`the HTTP option 'method' is '${method}', neither POST nor PUT`);
}

function tlsOf({ values, home, projectRoot }: OpenOptions): TlsChoice {
  const given = text(values["ssl_verify"]);
  if (given === undefined || given.toLowerCase() === "true") return {};
  if (given.toLowerCase() === "false") return { rejectUnauthorized: false };
  const path = given.startsWith("~/") ? join(home, given.slice(2)) : given;
  const file = isAbsolute(path) ? path : resolve(projectRoot ?? home, path);
  try {
    return { ca: readFileSync(file) };
  } catch (cause) {
    throw new ConfigError(`the file '${file}' of the option 'ssl_verify' can't be read`, { cause });
  }
}

function milliseconds(values: OpenOptions["values"], name: string): number {
  const value = text(values[name]);
  const seconds = value === undefined ? DEFAULT_SECONDS : Number(value);
  if (!(seconds > 0)) throw new ConfigError(`the HTTP option '${name}' is '${value ?? ""}', not a number of seconds`);
  return Math.min(seconds * 1000, MAX_TIMER_MS);
}

function text(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}
