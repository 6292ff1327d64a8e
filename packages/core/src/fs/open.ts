import { ConfigError } from "../base/errors.ts";
import { OPENERS } from "./registry.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";

export type { OpenedStorage, OpenOptions } from "./openOptions.ts";

/** Protocols of storages that this version opens, `local` first. */
export function supportedProtocols(): string[] {
  return Object.keys(OPENERS);
}

/** The scheme of a URL in lower case, `local` for a path. A one-letter "scheme" is a Windows drive. */
export function protocolOf(url: string): string {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):\/\//.exec(url)?.[1]?.toLowerCase();
  return scheme === undefined || scheme === "file" ? "local" : scheme;
}

/** Whether there are storages of this protocol. */
export function isKnownProtocol(protocol: string): protocol is keyof typeof OPENERS {
  return Object.hasOwn(OPENERS, protocol);
}

/**
 * Opens the storage that `url` (or an absolute path) names.
 * @throws {ConfigError} for an unknown protocol, a bad URL or a bad option.
 */
export async function openStorage(url: string, options: OpenOptions): Promise<OpenedStorage> {
  return (await OPENERS[knownProtocol(url)]())(url, options);
}

/** @throws {ConfigError} DVC's text for a URL of a storage that nobody knows; paths pass, and places on remotes of the config */
export function requireKnownUrl(url: string): void {
  if (protocolOf(url) !== "remote") knownProtocol(url);
}

/** The protocol of a URL or path. @throws {ConfigError} DVC's text when there are no storages of it */
function knownProtocol(url: string): keyof typeof OPENERS {
  const protocol = protocolOf(url);
  if (isKnownProtocol(protocol)) return protocol;
  const all = supportedProtocols().slice(1);
  throw new ConfigError(`config file error: Unsupported URL type ${protocol}://`, {
    code: "unsupported",
    hint: `This version knows folders, ${all.map((one) => `${one}://`).join(", ")}.`,
  });
}
