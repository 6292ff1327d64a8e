import { ConfigError } from "../base/errors.ts";
import { OPENERS } from "./registry.ts";
import type { OpenedStorage, OpenOptions } from "./openOptions.ts";

export type { OpenedStorage, OpenOptions } from "./openOptions.ts";

/** Protocols of storages that this version opens, `local` first. */
export function supportedProtocols(): string[] {
  return Object.entries(OPENERS)
    .filter(([, opener]) => opener !== undefined)
    .map(([protocol]) => protocol);
}

/** The scheme of a URL in lower case, `local` for a path. A one-letter "scheme" is a Windows drive. */
export function protocolOf(url: string): string {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):\/\//.exec(url)?.[1]?.toLowerCase();
  return scheme === undefined || scheme === "file" ? "local" : scheme;
}

/** Whether DVC knows storages of this protocol; this version may not open them yet. */
export function isKnownProtocol(protocol: string): boolean {
  return Object.hasOwn(OPENERS, protocol);
}

/**
 * Opens the storage that `url` (or an absolute path) names.
 * @throws {ConfigError} for an unknown protocol, a bad URL or a bad option.
 */
export async function openStorage(url: string, options: OpenOptions): Promise<OpenedStorage> {
  const protocol = protocolOf(url);
  const load = (OPENERS as Readonly<Record<string, (typeof OPENERS)["s3"]>>)[protocol];
  if (load === undefined) {
    throw new ConfigError(`remotes of the kind '${protocol}://' are not supported`, {
      code: "unsupported",
      hint: `This version knows folders, ${supportedProtocols()
        .slice(1)
        .map((one) => `${one}://`)
        .join(", ")}.`,
    });
  }
  return (await load())(url, options);
}
