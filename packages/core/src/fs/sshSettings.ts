import { userInfo } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { OpenOptions } from "./openOptions.ts";
import { absolute, isOn, milliseconds, refuseInside, secretOf, text } from "./optionValues.ts";
import { type HostConfig, readSshConfig } from "./sshConfig.ts";
import { bareHost } from "./hostName.ts";

/** One server on the way, with what `~/.ssh/config` says of it. */
export interface SshHop {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private keys that the config names. */
  readonly identityFiles: readonly OsPath[];
  /** Socket of the agent; undefined: none. */
  readonly agent: string | undefined;
  readonly knownHostsFiles: readonly OsPath[];
  /** What becomes of a server that is not known. */
  readonly unknownHost: "refuse" | "add" | "accept";
  /** Its standard input and output are the connection. From the user's own config only. */
  readonly proxyCommand: string | undefined;
}

/** How to reach a server over SSH: DVC's options of `ssh://` remotes and the user's `~/.ssh/config`. */
export interface SshSettings {
  readonly target: SshHop;
  /** Servers to go through, the nearest first. */
  readonly jumps: readonly SshHop[];
  readonly home: OsPath;
  readonly keyFile: OsPath | undefined;
  readonly password: string | undefined;
  readonly passphrase: string | undefined;
  readonly connectTimeoutMs: number;
  /** SFTP channels on the connection. */
  readonly channels: number;
}

const DEFAULT_CONNECT_SECONDS = 30;
const DEFAULT_CHANNELS = 4;
/** Of `max_sessions` DVC keeps these for commands. */
const COMMAND_SESSIONS = 2;
const MAX_JUMPS = 8;

/** Reads `ssh://user@host:port/path` and the remote's options. @throws {ConfigError} for what does not fit */
export async function sshSettings(url: string, options: OpenOptions): Promise<{ settings: SshSettings; root: string }> {
  const match = /^ssh:\/\/(?:([^@/]*)@)?(\[[^\]]+\]|[^:/?#]+)(?::(\d+))?(\/.*)?$/i.exec(url);
  if (match === null) {
    throw new ConfigError(`'${url.replace(/:[^:@/]*@/, ":***@")}' is not an SSH URL`, {
      hint: "It looks like ssh://user@host:22/path.",
    });
  }
  const [, login, bracketed = "", urlPort, path = "."] = match;
  const { values } = options;
  if (isOn(values["gss_auth"])) {
    throw new ConfigError("Kerberos (gss_auth) is not supported for ssh://", {
      code: "unsupported",
      hint: "Use a key, an agent or a password.",
    });
  }
  const [urlUser, urlPassword] = (login ?? "").split(":").map((one) => text(decodeURIComponent(one)));
  const alias = bareHost(bracketed);
  const target = hopOf(
    { alias, user: text(values["user"]) ?? urlUser, port: text(values["port"]) ?? urlPort },
    options,
  );
  const password = text(values["password"]) ?? urlPassword;
  return {
    root: path.length > 1 ? path.replace(/\/+$/, "") : path,
    settings: {
      target: target.hop,
      jumps: target.jumps,
      home: options.home,
      keyFile: keyFileOf(options),
      password: password ?? (await asked("password", target.hop, options)),
      passphrase: await asked("passphrase", target.hop, options),
      connectTimeoutMs: milliseconds("SSH", values, "timeout", DEFAULT_CONNECT_SECONDS),
      channels: channelsOf(text(values["max_sessions"])),
    },
  };
}

function keyFileOf(options: OpenOptions): OsPath | undefined {
  const given = text(options.values["keyfile"]);
  if (given === undefined) return undefined;
  const path = absolute(given, options);
  if (options.untrusted?.has("keyfile") === true) refuseInside("keyfile", path, options.projectRoot);
  return path;
}

function asked(
  name: "password" | "passphrase",
  { user, host, port }: SshHop,
  options: OpenOptions,
): Promise<string | undefined> {
  const who = `${user}@${host}`;
  return secretOf(options, name, { question: `Enter a ${name} for ${who}:${String(port)}:\n`, who });
}

function channelsOf(given: string | undefined): number {
  if (given === undefined) return DEFAULT_CHANNELS;
  const sessions = Number(given);
  if (!Number.isInteger(sessions) || sessions <= COMMAND_SESSIONS)
    throw new ConfigError(
      `the SSH option 'max_sessions' is '${given}', it must be more than ${String(COMMAND_SESSIONS)}`,
    );
  return Math.min(sessions - COMMAND_SESSIONS, DEFAULT_CHANNELS);
}

interface Wanted {
  readonly alias: string;
  readonly user: string | undefined;
  readonly port: string | undefined;
}

function hopOf(wanted: Wanted, options: OpenOptions, depth = 0): { readonly hop: SshHop; readonly jumps: SshHop[] } {
  const { home } = options;
  const localUser = userInfo().username;
  const config = readSshConfig(home, { host: wanted.alias, user: wanted.user, localUser });
  const first = (keyword: string): string | undefined => text(config.get(keyword)?.[0]);
  const user = wanted.user ?? first("user") ?? localUser;
  const named = (first("hostname") ?? wanted.alias).replaceAll("%h", wanted.alias).replaceAll("%%", "%");
  const port = portOf(wanted.port ?? first("port"));
  for (const name of [named, user]) refuseOddName(name);
  const path = (value: string): OsPath => {
    const tokens: Record<string, string> = {
      d: home,
      h: named,
      n: wanted.alias,
      p: String(port),
      r: user,
      u: localUser,
    };
    return absolute(
      value.replace(/%([a-z%])/g, (all, sign: string) => (sign === "%" ? "%" : (tokens[sign] ?? all))),
      {
        home,
      },
    );
  };
  const jump = first("proxyjump");
  const isJumping = jump !== undefined && jump.toLowerCase() !== "none";
  const command = first("proxycommand");
  const hop: SshHop = {
    host: named,
    port,
    user,
    identityFiles: (config.get("identityfile") ?? []).filter((one) => one !== "none").map(path),
    agent: agentOf(first("identityagent"), options, path),
    knownHostsFiles: knownHostsOf(config, home, path),
    unknownHost: strictness(first("stricthostkeychecking")),
    proxyCommand:
      isJumping || command === undefined || command.toLowerCase() === "none"
        ? undefined
        : command.replace(/%([hpr%])/g, (_all, sign: string) => ({ h: named, p: String(port), r: user })[sign] ?? "%"),
  };
  return { hop, jumps: isJumping ? jumpsOf(jump, options, depth) : [] };
}

function jumpsOf(list: string, options: OpenOptions, depth: number): SshHop[] {
  if (depth >= MAX_JUMPS) throw new ConfigError("ProxyJump of ~/.ssh/config leads in circles");
  return list.split(",").flatMap((one, place) => {
    const match = /^(?:ssh:\/\/)?(?:([^@]*)@)?(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(one.trim());
    if (match === null) throw new ConfigError(`ProxyJump of ~/.ssh/config names '${one}', which is no host`);
    const [, user, bracketed = "", port] = match;
    const { hop, jumps } = hopOf({ alias: bareHost(bracketed), user, port }, options, depth + 1);
    return place === 0 ? [...jumps, hop] : [hop];
  });
}

/** These stand in command lines of the user's config: nothing that a shell would take apart. */
function refuseOddName(name: string): void {
  if (/^[\w.:%@+][\w.:%@+\\-]*$/.test(name)) return;
  throw new ConfigError(`'${name}' is no name of a host or user for SSH`);
}

function portOf(value: string | undefined): number {
  const port = Number(value ?? 22);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new ConfigError(`the SSH port is '${String(value)}', not a number from 1 to 65535`);
}

function agentOf(
  configured: string | undefined,
  { values, env }: OpenOptions,
  path: (value: string) => OsPath,
): string | undefined {
  if (values["allow_agent"]?.toLowerCase() === "false" || configured === "none") return undefined;
  if (configured !== undefined && configured !== "SSH_AUTH_SOCK")
    return configured.startsWith("$") ? text(env[configured.slice(1)]) : path(configured);
  return text(env["SSH_AUTH_SOCK"]);
}

function knownHostsOf(config: HostConfig, home: OsPath, path: (value: string) => OsPath): OsPath[] {
  const own = config.get("userknownhostsfile") ?? ["known_hosts", "known_hosts2"].map((one) => join(home, ".ssh", one));
  const common = config.get("globalknownhostsfile") ?? ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
  return [...own, ...common].filter((one) => one !== "none").map(path);
}

function strictness(value: string | undefined): SshHop["unknownHost"] {
  const word = value?.toLowerCase();
  if (word === "no" || word === "off") return "accept";
  return word === "accept-new" ? "add" : "refuse";
}
