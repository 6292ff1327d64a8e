import { ConfigError, StorageError } from "../base/errors.ts";
import { type HadoopConfig, readHadoopConfig, webHdfsAddresses } from "./hadoopConfig.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";
import { text } from "./optionValues.ts";
import { WebHdfsFileSystem } from "./webhdfs.ts";
import { WebHdfsClient } from "./webhdfsClient.ts";
import type { WebHdfsSettings } from "./webhdfsSettings.ts";

/** A path of HDFS as its URL names it. */
interface Place {
  readonly user: string | undefined;
  /** A NameNode or a name service. */
  readonly host: string;
  readonly port: string | undefined;
  readonly path: string;
}

/**
 * Opens `hdfs://user@host:port/path` through the WebHDFS of its NameNode: Hadoop's own protocol has no client but in Java and
 * over Java. The address is that of the Hadoop settings of this machine, else port 9870 of the host.
 * @throws {ConfigError} for a bad URL or option, and when no WebHDFS answers
 */
export async function openHdfs(url: string, options: OpenOptions): Promise<OpenedStorage> {
  if (text(options.values["kerb_ticket"]) !== undefined) {
    throw new ConfigError("Kerberos is not supported for hdfs://", {
      code: "unsupported",
      hint: "Get a delegation token with Hadoop's own tools, and use webhdfs://HOST:PORT/PATH with the option `token`.",
    });
  }
  const config = readHadoopConfig(options.env);
  const place = placeOf(url, config);
  const settings = await activeOf(webHdfsAddresses(config, place.host, place.port), place, options);
  return { fs: new WebHdfsFileSystem(settings), root: place.path };
}

function placeOf(url: string, config: HadoopConfig): Place {
  const pattern = /^hdfs:\/\/(?:([^@/]*)@)?(\[[^\]]+\]|[^:/?#]*)(?::(\d+))?(\/[^?#]*)?$/i;
  const [all, user, host = "", port, path = "/"] = pattern.exec(url) ?? [];
  if (all === undefined) {
    throw new ConfigError(`'${url}' is not an HDFS URL`, { hint: "It looks like hdfs://user@host:8020/path." });
  }
  const root = path.length > 1 ? path.replace(/\/+$/, "") : path;
  if (host !== "") return { user, host, port, path: root };
  const [, usual = "", usualPort] = /^hdfs:\/\/([^:/]+)(?::(\d+))?/.exec(config.get("fs.defaultFS") ?? "") ?? [];
  if (usual !== "") return { user, host: usual, port: usualPort, path: root };
  throw new ConfigError(`'${url}' names no host, and there is no fs.defaultFS`, {
    hint: "Name the host, or set HADOOP_CONF_DIR to the folder of your cluster's core-site.xml.",
  });
}

/** Settings for the first NameNode that does its work: of several, all but one stand by. */
async function activeOf(addresses: readonly URL[], place: Place, options: OpenOptions): Promise<WebHdfsSettings> {
  let failure: unknown;
  for (const base of addresses) {
    const settings = settingsFor(base, place, options);
    const client = new WebHdfsClient(settings);
    try {
      await client.fetch({ method: "GET", op: "GETFILESTATUS", path: "/" });
      return settings;
    } catch (error) {
      // One that lets nobody in is at work.
      if (error instanceof StorageError && error.code === "auth") return settings;
      failure = error;
    } finally {
      client.close();
    }
  }
  const asked = addresses.map(({ origin }) => origin).join(", ");
  throw new ConfigError(`hdfs:// is reached through WebHDFS, and none that is active answers at ${asked}`, {
    cause: failure,
    hint: "Set HADOOP_CONF_DIR to the folder of your cluster's hdfs-site.xml, or give the remote the NameNode's web address: webhdfs://HOST:PORT/PATH.",
  });
}

/** Without Kerberos the server takes the user at its word; Hadoop's own programs name the one of this machine. */
function settingsFor(base: URL, { user: named, host, port }: Place, { values, env }: OpenOptions): WebHdfsSettings {
  const user = text(values["user"]) ?? named ?? text(env["HADOOP_USER_NAME"]) ?? text(env["USER"]);
  return {
    base,
    shown: { protocol: "hdfs", host: port === undefined ? host : `${host}:${port}` },
    env,
    identity: user === undefined ? {} : { "user.name": user },
    authorization: undefined,
    dataProxy: undefined,
    tls: {},
    credentials: user === undefined ? "none" : `user '${user}', taken at its word by the server`,
  };
}
