import { execFile } from "node:child_process";
import { split } from "shlex";
import { ConfigError, StorageError } from "../base/errors.ts";
import type { OpenOptions } from "./openOptions.ts";

/** Headers that say who asks. */
export type LoginHeaders = Readonly<Record<string, string>>;

/** How a web server learns who asks. */
export interface WebLogin {
  readonly headers: () => Promise<LoginHeaders>;
  /** Gives up headers that the server refused, unless others were got meanwhile. Undefined: there never are others. */
  readonly renew?: (refused: LoginHeaders) => void;
}

/** The same headers for every request. */
export function fixedLogin(headers: LoginHeaders): WebLogin {
  return { headers: () => Promise.resolve(headers) };
}

/** The header of a user and password (RFC 7617). */
export function basicHeaders(user: string, password: string): LoginHeaders {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

/** A header of the server's own, by name. @throws {ConfigError} for what is no name of a header (RFC 9110, token) */
export function customHeaders(name: string, value: string): LoginHeaders {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new ConfigError(`'${name}' is no name of an HTTP header`);
  return { [name.toLowerCase()]: value };
}

/** The header of a token (RFC 6750). */
export function bearerHeaders(token: string): LoginHeaders {
  return { authorization: `Bearer ${token}` };
}

/**
 * Bearer tokens that a program prints. It is run once when the first is needed, and anew when the server refuses the token;
 * without a shell, its words split as a POSIX shell would.
 * @throws {ConfigError} for a command of no words
 */
export function commandLogin(command: string, env: OpenOptions["env"], timeoutMs: number): WebLogin {
  const words = wordsOf(command);
  let current: Promise<LoginHeaders> | undefined;
  let given: LoginHeaders | undefined;
  const headers = async (): Promise<LoginHeaders> => {
    current ??= printedBy(words, env, timeoutMs).then(bearerHeaders);
    try {
      return (given = await current);
    } catch (error) {
      current = given = undefined;
      throw error;
    }
  };
  return {
    headers,
    renew: (refused) => {
      if (refused === given) current = given = undefined;
    },
  };
}

function wordsOf(command: string): readonly [string, ...string[]] {
  let words: string[];
  try {
    words = split(command);
  } catch (cause) {
    throw new ConfigError(`'bearer_token_command' can't be split into words`, { cause, hint: "Check its quotes." });
  }
  const [program, ...rest] = words;
  if (program === undefined) throw new ConfigError("'bearer_token_command' names no program");
  return [program, ...rest];
}

/** What the program says is not told: it may hold secrets. */
function printedBy(
  [program, ...args]: readonly [string, ...string[]],
  env: OpenOptions["env"],
  timeout: number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      const message = `no token came from 'bearer_token_command': ${why}`;
      const hint = `Run it yourself to see what it says: ${program} …`;
      reject(new StorageError(message, { protocol: "webdav", path: program, code: "auth", hint }));
    };
    execFile(program, args, { env, timeout, encoding: "utf8", maxBuffer: 1 << 20 }, (error, stdout) => {
      const token = stdout.trim();
      if (error?.killed === true) fail(`it took longer than ${String(timeout / 1000)} s`);
      else if (error !== null)
        fail(
          error.code === "ENOENT" ? "there is no such program" : `it ended with ${String(error.code ?? error.signal)}`,
        );
      else if (token === "") fail("it printed nothing");
      else resolve(token);
    });
  });
}
