import { ConfigError } from "../base/errors.ts";
import { bareHost } from "./hostName.ts";

/** An HTTP proxy that the environment names. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** Whether the way to the proxy itself is encrypted. */
  readonly secure: boolean;
  /** The header's value; undefined: the URL names no user. */
  readonly authorization: string | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for requests to a host, as Python's `urllib` and so botocore read it: `http_proxy` or `https_proxy` by the
 * scheme of the request, in small letters before capitals, unless `no_proxy` names the host, one of its domains, or all
 * (`*`). `ALL_PROXY` counts for neither tool. Undefined: the way is direct.
 * @throws {ConfigError} for a variable that is no URL of an HTTP proxy.
 */
export function proxyFor(env: Variables, scheme: "http" | "https", host: string, port: string): Proxy | undefined {
  const given = variable(env, `${scheme}_proxy`);
  if (given === undefined || isExcepted(variable(env, "no_proxy"), host, port)) return undefined;
  return parseProxy(given, `${scheme}_proxy`);
}

function variable(env: Variables, name: string): string | undefined {
  // An empty one in small letters says that there is none.
  const small = env[name];
  if (small !== undefined) return small === "" ? undefined : small;
  // In a CGI program this variable is a header of the request.
  if (name === "http_proxy" && env["REQUEST_METHOD"] !== undefined) return undefined;
  const large = env[name.toUpperCase()];
  return large === "" ? undefined : large;
}

function isExcepted(list: string | undefined, host: string, port: string): boolean {
  if (list === undefined) return false;
  if (list === "*") return true;
  const bare = host.toLowerCase();
  const full = `${bare}:${port}`;
  return list
    .split(",")
    .map((name) => name.trim().replace(/^\.+/, "").toLowerCase())
    .some(
      (name) =>
        name !== "" && (bare === name || full === name || bare.endsWith(`.${name}`) || full.endsWith(`.${name}`)),
    );
}

/** The value is not told: it may hold a password. */
function parseProxy(given: string, name: string): Proxy {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given.replace(/^\/\//, "")}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "" || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new ConfigError(`the environment variable '${name}' names no HTTP proxy`, {
      hint: "It looks like http://proxy.example.com:3128; other kinds of proxies are not supported.",
    });
  }
  const secure = url.protocol === "https:";
  const user = `${decoded(url.username)}:${decoded(url.password)}`;
  return {
    host: bareHost(url.hostname),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    secure,
    authorization: user === ":" ? undefined : `Basic ${Buffer.from(user).toString("base64")}`,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
