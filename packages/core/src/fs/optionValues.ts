import { readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import type { OpenOptions } from "./openOptions.ts";
import type { TlsChoice } from "./tlsChoice.ts";

/** Longer times make a timer go off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A value that says something: an empty one counts as none. */
export function text(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}

/** Whether an option is `true`. */
export function isOn(value: string | undefined): boolean {
  return value?.toLowerCase() === "true";
}

/** A number of seconds as milliseconds. `kind`: the storage's name in messages. @throws {ConfigError} for other texts */
export function milliseconds(
  kind: string,
  values: OpenOptions["values"],
  name: string,
  otherwiseSeconds: number,
): number {
  const value = text(values[name]);
  if (value === undefined) return otherwiseSeconds * 1000;
  const number = Number(value);
  if (!(number > 0)) throw new ConfigError(`the ${kind} option '${name}' is '${value}', not a number of seconds`);
  return Math.min(number * 1000, MAX_TIMER_MS);
}

/** `~` is the home folder; relative paths count from the project. */
export function absolute(path: string, { home, projectRoot }: Pick<OpenOptions, "home" | "projectRoot">): OsPath {
  if (path === "~" || path.startsWith("~/")) return join(home, path.slice(1));
  return isAbsolute(path) ? path : resolve(projectRoot ?? home, path);
}

/** A secret that an option gives, else, where `ask_NAME` says so, the user. `who`: for the error, whose it is. @throws {ConfigError} when nobody can be asked */
export async function secretOf(
  options: OpenOptions,
  name: "password" | "passphrase",
  { question, who }: { readonly question: string; readonly who: string },
): Promise<string | undefined> {
  const given = text(options.values[name]);
  if (given !== undefined || !isOn(options.values[`ask_${name}`])) return given;
  const answer = await options.askSecret?.(question);
  if (answer !== undefined) return answer;
  throw new ConfigError(`a ${name} for ${who} is wanted ('ask_${name}') and nobody can be asked`, {
    hint: `Set it for yourself: \`remote modify --local NAME ${name} …\`.`,
  });
}

/** A file that a committed config names must not be one of the repository. @throws {ConfigError} */
export function refuseInside(option: string, path: OsPath, root: OsPath | undefined): void {
  if (root === undefined) return;
  if (!isInside(root, path) && !isInside(real(root), real(path))) return;
  throw new ConfigError(
    `the option '${option}' of the committed config names '${path}', which lies inside the repository`,
    {
      hint: `Keep credentials outside, or set it for yourself: \`remote modify --local NAME ${option} PATH\`.`,
    },
  );
}

function real(path: OsPath): OsPath {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** What `ssl_verify` says: `true`, `false`, or a file of certificate authorities. @throws {ConfigError} */
export function tlsChoice(options: OpenOptions): TlsChoice {
  const given = text(options.values["ssl_verify"]);
  if (given === undefined || isOn(given)) return {};
  return given.toLowerCase() === "false" ? { rejectUnauthorized: false } : { ca: readCa(absolute(given, options)) };
}

/** The client's own certificate and key that `cert_path` and `key_path` name; without `key_path` one file holds both. @throws {ConfigError} */
export function clientCertificate(options: OpenOptions): TlsChoice {
  const cert = readOwn("cert_path", options);
  if (cert === undefined) return {};
  return { cert, key: readOwn("key_path", options) ?? cert };
}

function readOwn(option: string, options: OpenOptions): Buffer | undefined {
  const given = text(options.values[option]);
  if (given === undefined) return undefined;
  const path = absolute(given, options);
  if (options.untrusted?.has(option) === true) refuseInside(option, path, options.projectRoot);
  try {
    return readSmall(path);
  } catch (cause) {
    throw new ConfigError(`the file '${path}' cannot be read`, { cause, hint: `See \`${option}\`.` });
  }
}

/** Certificates and keys are smaller (bytes). */
const MAX_BYTES = 16 << 20;

/** A device or a pipe, which may never end, is not read. @throws the file system's error */
function readSmall(path: OsPath): Buffer {
  const stat = statSync(path);
  if (!stat.isFile()) throw new Error("it is not a file");
  if (stat.size > MAX_BYTES) throw new Error(`it is too large (${String(stat.size)} bytes)`);
  return readFileSync(path);
}

/** Certificate authorities, PEM. @throws {ConfigError} when they can't be read */
export function readCa(path: OsPath): Buffer {
  try {
    return readSmall(path);
  } catch (cause) {
    throw new ConfigError(`the certificate authorities in '${path}' cannot be read`, {
      cause,
      hint: "See `ssl_verify`.",
    });
  }
}
