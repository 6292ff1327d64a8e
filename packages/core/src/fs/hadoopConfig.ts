import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { OpenOptions } from "./openOptions.ts";
import { text } from "./optionValues.ts";
import { xmlElements, xmlText } from "./s3Xml.ts";

/** Where the NameNode's own web server listens when nothing else is said (Hadoop 3). */
const HTTP_PORT = "9870";
const HTTPS_PORT = "9871";
const FILES = ["core-site.xml", "hdfs-site.xml"];

/** The settings of the Hadoop client on this machine, by name. */
export type HadoopConfig = ReadonlyMap<string, string>;

/** Reads the files of `HADOOP_CONF_DIR`, else of `HADOOP_HOME/etc/hadoop`; those that are not there count as empty. */
export function readHadoopConfig(env: OpenOptions["env"]): HadoopConfig {
  const home = text(env["HADOOP_HOME"]);
  const folder = text(env["HADOOP_CONF_DIR"]) ?? (home === undefined ? undefined : join(home, "etc", "hadoop"));
  if (folder === undefined) return new Map();
  return new Map(FILES.flatMap((name) => propertiesIn(contentsOf(join(folder, name)))));
}

function contentsOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function propertiesIn(xml: string): [string, string][] {
  return xmlElements(xml.replace(/<!--[\s\S]*?-->/g, ""), "property").flatMap((property) => {
    const [name, value] = [xmlText(property, "name")?.trim(), xmlText(property, "value")?.trim()];
    return name === undefined || value === undefined || value === "" ? [] : [[name, value]];
  });
}

/**
 * The WebHDFS addresses of a NameNode, or of all NameNodes of a name service, of which one is active. Without settings: the
 * usual port of the host.
 * @param port of its RPC service, where the URL names it
 */
export function webHdfsAddresses(config: HadoopConfig, host: string, port: string | undefined): URL[] {
  const isSecure = config.get("dfs.http.policy") === "HTTPS_ONLY";
  const scheme = isSecure ? "https" : "http";
  const found = suffixesOf(config, host, port)
    .map((suffix) => config.get(`dfs.namenode.${scheme}-address${suffix}`))
    .filter((address) => address !== undefined);
  const addresses = found.length > 0 ? found : [`${host}:${isSecure ? HTTPS_PORT : HTTP_PORT}`];
  return addresses
    .map((address) => `${scheme}://${address.replace(/^0\.0\.0\.0(?=:)/, host)}`)
    .filter((address) => URL.canParse(address))
    .map((address) => new URL(address));
}

/** What stands behind the names of the settings for this host: `.SERVICE.NODE`, `.SERVICE`, or nothing. */
function suffixesOf(config: HadoopConfig, host: string, port: string | undefined): string[] {
  if (listOf(config, "dfs.nameservices").includes(host)) {
    const nodes = listOf(config, `dfs.ha.namenodes.${host}`);
    return nodes.length === 0 ? [`.${host}`] : nodes.map((node) => `.${host}.${node}`);
  }
  const RPC = "dfs.namenode.rpc-address";
  const own = [...config].filter(
    ([name, value]) =>
      name.startsWith(RPC) && (port === undefined ? value.split(":")[0] === host : value === `${host}:${port}`),
  );
  return own.length > 0 ? own.map(([name]) => name.slice(RPC.length)) : [""];
}

function listOf(config: HadoopConfig, name: string): string[] {
  return (config.get(name) ?? "").split(",").map((one) => one.trim());
}
