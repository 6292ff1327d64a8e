import { readFileSync } from "node:fs";
import { join } from "node:path";
import ssh2, { type AnyAuthMethod } from "ssh2";
import { ConfigError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { SshHop, SshSettings } from "./sshSettings.ts";

/** How to log in: what is tried, in order, and the same in words. */
export interface Login {
  readonly methods: AnyAuthMethod[];
  /** `key /home/ann/.ssh/id_ed25519`, `agent`; never a secret. */
  readonly tried: readonly string[];
  /** Keys that could not be used, and why. */
  readonly left: readonly string[];
}

/** In the order of ssh(1). */
const DEFAULT_KEYS = ["id_rsa", "id_ecdsa", "id_ed25519"];

/**
 * The ways to log in to a server. A key file or a password of the remote's options is all that is tried, as in DVC;
 * without either, keys of `~/.ssh/config`, the agent, and the usual keys.
 * @throws {ConfigError} for a key file of the options that cannot be used
 */
export function loginOf(hop: SshHop, settings: SshSettings): Login {
  const methods: AnyAuthMethod[] = [];
  const tried: string[] = [];
  const left: string[] = [];
  const isTarget = hop === settings.target;
  const addKey = (file: OsPath, isWanted: boolean): void => {
    const key = readKey(file, isTarget ? settings.passphrase : undefined);
    if (key instanceof Error) {
      if (isWanted) throw unusable(file, key, isTarget && settings.passphrase !== undefined);
      if ((key as NodeJS.ErrnoException).code !== "ENOENT") left.push(`${file} (${key.message})`);
      return;
    }
    methods.push({ type: "publickey", username: hop.user, key });
    tried.push(`key ${file}`);
  };
  const password = isTarget ? settings.password : undefined;
  if (isTarget && settings.keyFile !== undefined) addKey(settings.keyFile, true);
  else if (password === undefined) {
    for (const file of hop.identityFiles) addKey(file, false);
    if (hop.agent !== undefined) {
      methods.push({ type: "agent", username: hop.user, agent: hop.agent });
      tried.push("agent");
    }
    if (hop.identityFiles.length === 0)
      for (const name of DEFAULT_KEYS) addKey(join(settings.home, ".ssh", name), false);
  }
  if (password !== undefined) {
    methods.push(...passwordMethods(hop.user, password));
    tried.push("password");
  }
  return { methods, tried, left };
}

function passwordMethods(username: string, password: string): AnyAuthMethod[] {
  return [
    { type: "password", username, password },
    {
      type: "keyboard-interactive",
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => {
        finish(prompts.map(() => password));
      },
    },
  ];
}

function readKey(file: OsPath, passphrase: string | undefined): ssh2.ParsedKey | Error {
  try {
    const parsed: unknown = ssh2.utils.parseKey(readFileSync(file), passphrase);
    const first: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
    return (first ?? new Error("holds no key")) as ssh2.ParsedKey | Error;
  } catch (error) {
    return error as Error;
  }
}

function unusable(file: OsPath, cause: Error, hasPassphrase: boolean): ConfigError {
  const isEncrypted = /passphrase|decrypt|integrity/i.test(cause.message);
  const which = hasPassphrase ? "Its passphrase is another: give that" : "Give its passphrase";
  return new ConfigError(`the key file '${file}' can't be used`, {
    cause,
    hint: isEncrypted
      ? `${which}: \`remote modify --local NAME passphrase …\`, or add the key to an SSH agent.`
      : "See `keyfile`.",
  });
}
