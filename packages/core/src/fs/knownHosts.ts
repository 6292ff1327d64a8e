import { createHash, createHmac } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { matchesPatterns } from "./sshConfig.ts";
import { makeFolders } from "./makeFolders.ts";

/** `changed`: the host is known by other keys. `revoked`: the key is marked as one not to be trusted. */
export type HostKeyVerdict = "known" | "unknown" | "changed" | "revoked";

interface Entry {
  readonly marker: string;
  readonly names: string;
  readonly type: string;
  readonly key: string;
}

/** Keys of servers as in `known_hosts` (sshd(8)), hashed names included. Certificates of hosts are not supported. */
export class KnownHosts {
  readonly #files: readonly OsPath[];
  readonly #entries: readonly Entry[];

  /** Files that are missing hold nothing; the first takes what is added. */
  constructor(files: readonly OsPath[]) {
    this.#files = files;
    this.#entries = files.flatMap(entriesOf);
  }

  /** Types of the keys known of a host, so that the server is asked for one of these. */
  keyTypes(host: string, port: number): string[] {
    return this.#of(host, port).map(({ type }) => type);
  }

  /** What is known of a key, which is in the binary form of RFC 4253. */
  judge(host: string, port: number, key: Buffer): HostKeyVerdict {
    const text = key.toString("base64");
    const entries = this.#of(host, port);
    if (entries.some((entry) => entry.marker === "@revoked" && entry.key === text)) return "revoked";
    const good = entries.filter(({ marker }) => marker === "");
    if (good.some((entry) => entry.key === text)) return "known";
    return good.length === 0 ? "unknown" : "changed";
  }

  /** Notes a key for later. */
  add(host: string, port: number, key: Buffer): void {
    const [file] = this.#files;
    if (file === undefined) return;
    makeFolders(dirname(file), 0o700);
    appendFileSync(file, `${placeOf(host, port)} ${keyType(key)} ${key.toString("base64")}\n`, { mode: 0o600 });
  }

  #of(host: string, port: number): Entry[] {
    const place = placeOf(host, port);
    return this.#entries.filter(({ names, marker }) => marker !== "@cert-authority" && isNamed(names, place));
  }
}

/** The type that a key names itself, such as `ssh-ed25519`. */
export function keyType(key: Buffer): string {
  return key.length < 4 ? "" : key.toString("latin1", 4, 4 + key.readUInt32BE(0));
}

/** As OpenSSH shows it: `SHA256:…`. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

function placeOf(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${String(port)}`;
}

function entriesOf(file: OsPath): Entry[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith("@") === true ? (words.shift() ?? "") : "";
    const [names = "", type, key] = words;
    return names.startsWith("#") || type === undefined || key === undefined ? [] : [{ marker, names, type, key }];
  });
}

function isNamed(names: string, place: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(names);
  if (hashed === null) {
    // Brackets stand for themselves here, "*" and "?" do not.
    return matchesPatterns(names.split(","), place);
  }
  const [, salt = "", digest = ""] = hashed;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(place).digest("base64") === digest;
}
