import { ConfigError } from "../base/errors.ts";
import type { OpenOptions } from "./openOptions.ts";
import { isOn, text, tlsChoice } from "./optionValues.ts";
import type { TlsChoice } from "./tlsChoice.ts";

/** How to reach a NameNode (or an HttpFS gateway) and as whom. */
export interface WebHdfsSettings {
  readonly base: URL;
  /** What its URLs begin with, for a person. */
  readonly shown: { readonly protocol: "webhdfs" | "hdfs"; readonly host: string };
  readonly env: OpenOptions["env"];
  /** Parameters of every call that say who asks. */
  readonly identity: Readonly<Record<string, string>>;
  /** Sent to the NameNode only. */
  readonly authorization: string | undefined;
  /** Data is fetched from here where the answer names the NameNode's own address. */
  readonly dataProxy: { readonly from: string; readonly to: string } | undefined;
  readonly tls: TlsChoice;
  /** For a person: where the credentials come from, and whose they are. */
  readonly credentials: string;
}

const DEFAULT_PORT = "50070";
const PREFIX = "/webhdfs/v1";

/** Reads `webhdfs://user@host:port/path` and the remote's options. @throws {ConfigError} for what does not fit */
export function webHdfsSettings(url: string, options: OpenOptions): { settings: WebHdfsSettings; root: string } {
  const match = /^webhdfs:\/\/(?:([^@/]*)@)?(\[[^\]]+\]|[^:/?#]+)(?::(\d+))?(\/[^?#]*)?$/i.exec(url);
  if (match === null) {
    throw new ConfigError(`'${url}' is not a WebHDFS URL`, { hint: "It looks like webhdfs://user@host:9870/path." });
  }
  const [, urlUser, host = "", port = DEFAULT_PORT, path = "/"] = match;
  const { values } = options;
  if (isOn(values["kerberos"]) || text(values["kerberos_principal"]) !== undefined) {
    throw new ConfigError("Kerberos (SPNEGO) is not supported for webhdfs://", {
      code: "unsupported",
      hint: "Get a delegation token with Hadoop's own tools and set it: `remote modify --local NAME token …`.",
    });
  }
  const scheme = isOn(values["use_https"]) ? "https" : "http";
  const base = new URL(`${scheme}://${host}:${port}`);
  const target = text(values["data_proxy_target"]);
  return {
    root: path.length > 1 ? decodeURI(path).replace(/\/+$/, "") : path,
    settings: {
      base,
      shown: { protocol: "webhdfs", host: base.host },
      env: options.env,
      ...identityOf(values, urlUser === undefined ? undefined : decodeURIComponent(urlUser)),
      dataProxy: target === undefined ? undefined : { from: `${scheme}://${host}:${port}${PREFIX}`, to: target },
      tls: tlsChoice(options),
    },
  };
}

type Identity = Pick<WebHdfsSettings, "identity" | "authorization" | "credentials">;

function identityOf(values: OpenOptions["values"], urlUser: string | undefined): Identity {
  const user = text(values["user"]) ?? urlUser;
  const password = text(values["password"]);
  const token = text(values["token"]);
  const proxyTo = text(values["proxy_to"]);
  const doAs: Record<string, string> = proxyTo === undefined ? {} : { doas: proxyTo };
  if (token !== undefined) {
    if (user !== undefined || proxyTo !== undefined)
      throw new ConfigError("the WebHDFS options 'user' and 'proxy_to' don't go with 'token', which holds both");
    return {
      identity: { delegation: token },
      authorization: undefined,
      credentials: "a delegation token (option token)",
    };
  }
  if (password !== undefined) {
    if (user === undefined) throw new ConfigError("the WebHDFS option 'password' needs 'user'");
    const basic = Buffer.from(`${user}:${password}`).toString("base64");
    return {
      identity: doAs,
      authorization: `Basic ${basic}`,
      credentials: `password of user '${user}' (option password)`,
    };
  }
  if (user === undefined) return { identity: doAs, authorization: undefined, credentials: "none" };
  const identity = { "user.name": user, ...doAs };
  return { identity, authorization: undefined, credentials: `user '${user}', taken at its word by the server` };
}
