import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import type { OsPath } from "../base/paths.ts";

/** Whose settings are wanted. `user`: one given besides the file, which then counts. */
export interface AskedHost {
  readonly host: string;
  readonly user: string | undefined;
  readonly localUser: string;
}

/** Keywords in lower case with their words; the first value found counts, as in ssh_config(5). */
export type HostConfig = ReadonlyMap<string, readonly string[]>;

const MAX_DEPTH = 16;
/** Of these every value counts, in the order found. */
const GATHERED: ReadonlySet<string> = new Set(["identityfile", "certificatefile"]);

interface Reading {
  readonly home: OsPath;
  readonly asked: AskedHost;
  readonly found: Map<string, string[]>;
  readonly depth: number;
}

/**
 * What the user's `~/.ssh/config` says of a host: `Host`, `Match` (`all`, `host`, `originalhost`, `user`, `localuser`; a
 * block with another criterion never applies) and `Include`. A missing file says nothing.
 */
export function readSshConfig(home: OsPath, asked: AskedHost): HostConfig {
  const found = new Map<string, string[]>();
  readFile(join(home, ".ssh", "config"), { home, asked, found, depth: 0 });
  return found;
}

function readFile(file: OsPath, reading: Reading): void {
  const { asked, found } = reading;
  let applies = true;
  for (const line of linesOf(file)) {
    const parsed = parseLine(line);
    if (parsed === undefined) continue;
    const { keyword, words } = parsed;
    if (keyword === "host") applies = matchesPatterns(words, asked.host);
    else if (keyword === "match") applies = matchesCriteria(words, reading);
    else if (applies && keyword === "include") include(words, reading);
    else if (applies) keep(found, keyword, words);
  }
}

function linesOf(file: OsPath): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

function parseLine(line: string): { readonly keyword: string; readonly words: string[] } | undefined {
  const match = /^\s*([A-Za-z]\w*)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line);
  if (match === null) return undefined;
  const [, name = "", rest = ""] = match;
  const keyword = name.toLowerCase();
  if (keyword === "proxycommand") return { keyword, words: [rest] };
  const words: string[] = [];
  for (const [, quoted, plain] of rest.matchAll(/"([^"]*)"|(\S+)/g)) {
    if (plain?.startsWith("#") === true) break;
    words.push(quoted ?? plain ?? "");
  }
  return { keyword, words };
}

function keep(found: Map<string, string[]>, keyword: string, words: readonly string[]): void {
  const there = found.get(keyword);
  if (there === undefined) found.set(keyword, [...words]);
  else if (GATHERED.has(keyword)) there.push(...words);
}

function include(words: readonly string[], reading: Reading): void {
  if (reading.depth >= MAX_DEPTH) return;
  for (const word of words) {
    const path = word.startsWith("~/") ? join(reading.home, word.slice(2)) : word;
    const full = isAbsolute(path) ? path : join(reading.home, ".ssh", path);
    for (const file of matchingFiles(full)) readFile(file, { ...reading, depth: reading.depth + 1 });
  }
}

/** Wildcards in the last part of the path. */
function matchingFiles(path: OsPath): OsPath[] {
  const name = basename(path);
  if (!/[*?]/.test(name)) return [path];
  try {
    const pattern = wildcard(name);
    const names = readdirSync(dirname(path)).filter((one) => pattern.test(one) && !one.startsWith("."));
    return names.sort().map((one) => join(dirname(path), one));
  } catch {
    return [];
  }
}

function matchesCriteria(words: readonly string[], { asked, found }: Reading): boolean {
  const subjects: Readonly<Record<string, string>> = {
    host: found.get("hostname")?.[0] ?? asked.host,
    originalhost: asked.host,
    user: asked.user ?? found.get("user")?.[0] ?? asked.localUser,
    localuser: asked.localUser,
  };
  for (let at = 0; at < words.length; at++) {
    const word = (words[at] ?? "").toLowerCase();
    if (word === "all") continue;
    const isNegated = word.startsWith("!");
    const subject = subjects[isNegated ? word.slice(1) : word];
    if (subject === undefined) return false;
    at++;
    if (matchesPatterns((words[at] ?? "").split(","), subject) === isNegated) return false;
  }
  return words.length > 0;
}

/** Whether a name fits a list of patterns (`*`, `?`, `!` for none of these), as in ssh_config(5). */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  let isFound = false;
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith("!");
    if (!wildcard(isNegated ? pattern.slice(1) : pattern).test(name)) continue;
    if (isNegated) return false;
    isFound = true;
  }
  return isFound;
}

function wildcard(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*+/g, ".*");
  return new RegExp(`^${escaped.replaceAll("?", ".")}$`, "i");
}
