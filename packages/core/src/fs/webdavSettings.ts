import { ConfigError } from "../base/errors.ts";
import type { OpenOptions } from "./openOptions.ts";
import { clientCertificate, milliseconds, secretOf, text, tlsChoice } from "./optionValues.ts";
import type { TlsChoice } from "./tlsChoice.ts";
import { basicHeaders, bearerHeaders, commandLogin, customHeaders, fixedLogin, type WebLogin } from "./webLogin.ts";

/** How to reach a WebDAV server: DVC's options of `webdav://` and `webdavs://` remotes. */
export interface WebDavSettings {
  readonly protocol: "webdav" | "webdavs";
  /** Its origin, as http(s). */
  readonly base: URL;
  readonly env: OpenOptions["env"];
  readonly login: WebLogin;
  readonly tls: TlsChoice;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** For a person. */
  readonly credentials: string;
}

const DEFAULT_SECONDS = 30;

/** Reads `webdav(s)://user@host:port/path` and the remote's options. @throws {ConfigError} for what does not fit */
export async function webDavSettings(
  url: string,
  options: OpenOptions,
): Promise<{ settings: WebDavSettings; root: string }> {
  const web = url.replace(/^webdav/i, "http");
  const place = URL.canParse(web) ? new URL(web) : undefined;
  if (place === undefined || place.hostname === "") {
    throw new ConfigError(`'${url}' is not a WebDAV URL`, { hint: "It looks like webdavs://user@host/path." });
  }
  const timeoutMs = milliseconds("WebDAV", options.values, "timeout", DEFAULT_SECONDS);
  const root = pathOf(place, url);
  return {
    root: root === "" ? "/" : root,
    settings: {
      protocol: place.protocol === "https:" ? "webdavs" : "webdav",
      base: new URL(place.origin),
      env: options.env,
      ...(await loginOf(place, options, timeoutMs)),
      tls: { ...tlsChoice(options), ...clientCertificate(options) },
      connectTimeoutMs: timeoutMs,
      readTimeoutMs: timeoutMs,
    },
  };
}

function pathOf({ pathname }: URL, url: string): string {
  try {
    return decodeURIComponent(pathname).replace(/\/+$/, "");
  } catch (cause) {
    throw new ConfigError(`the path of '${url}' is not encoded as a URL's`, { cause });
  }
}

type Auth = Pick<WebDavSettings, "login" | "credentials">;

/** In DVC's order: a command counts before a token, that before a user, that before a header. */
async function loginOf(place: URL, options: OpenOptions, timeoutMs: number): Promise<Auth> {
  const { values } = options;
  const command = text(values["bearer_token_command"]);
  if (command !== undefined) return commandAuth(command, options, timeoutMs);
  const token = text(values["token"]);
  if (token !== undefined) return { login: fixedLogin(bearerHeaders(token)), credentials: "a token (option token)" };
  const user = text(values["user"]) ?? text(decodeURIComponent(place.username));
  if (user !== undefined) {
    const password = (await passwordFor(place, user, options)) ?? decodeURIComponent(place.password);
    return { login: fixedLogin(basicHeaders(user, password)), credentials: `password of user '${user}'` };
  }
  const header = text(values["custom_auth_header"]);
  if (header === undefined) return { login: fixedLogin({}), credentials: "none" };
  const value = (await passwordFor(place, header, options)) ?? "";
  return {
    login: fixedLogin(customHeaders(header, value)),
    credentials: `the header '${header}' (option password)`,
  };
}

function commandAuth(command: string, { untrusted, env }: OpenOptions, timeoutMs: number): Auth {
  if (untrusted?.has("bearer_token_command") === true) {
    throw new ConfigError("the option 'bearer_token_command' of the committed config would run a program", {
      hint: "If you trust it, set it for yourself: `remote modify --local NAME bearer_token_command …`.",
    });
  }
  return {
    login: commandLogin(command, env, timeoutMs),
    credentials: "a token of a program (option bearer_token_command)",
  };
}

function passwordFor({ origin }: URL, user: string, options: OpenOptions): Promise<string | undefined> {
  const question = `Enter a password for host '${origin}' user '${user}':\n`;
  return secretOf(options, "password", { question, who: `'${user}' on ${origin}` });
}
