import { type BigIntStats, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { PyFloat } from "../formats/pyValues.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import { readBounded } from "../fs/readBounded.ts";
import type { ParsedFiles } from "../pipeline/source.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** Smaller files are parsed as fast as a memory of them is found; larger ones are no pipelines. Bytes. */
const WORTH = { least: 16 * 1024, most: 16 * 1024 * 1024 };
/** How many files are remembered. */
const MAX_FILES = 64;
/** A file changed so short a time ago (ms) may change again without its times telling. */
const GRAIN = 100;
/** Changes with the form of what is remembered. */
const FORMAT = "holdfast-parsed 1";
/** Stands for a float of integral value, which Python tells from an integer. No YAML text may hold this sign. */
const FLOAT = "\0float";

/**
 * What large YAML files of the workspace held, so that a `dvc.yaml` of 1000 stages with its lock is not parsed and checked
 * each time: 4 ms instead of 60. One file each below `folder`, safe to delete. It counts only for a file of the same path,
 * inode, size, and times to the nanosecond: nobody can commit one that fits a fresh clone.
 */
export function parsedFiles(folder: OsPath): ParsedFiles {
  return {
    read<T extends object>(path: OsPath, parse: () => T): T {
      const key = keyOf(path);
      if (key === undefined) return parse();
      const memory = join(folder, fileName(path));
      const known = recall(memory, key.text);
      // The key says that it is what `parse` made of the same bytes.
      if (known !== undefined) return known as T;
      const value = parse();
      // What was read must be what the key stands for.
      if (key.isSettled && keyOf(path)?.text === key.text) remember(folder, memory, key.text, value);
      return value;
    },
  };
}

function keyOf(path: OsPath): { text: string; isSettled: boolean } | undefined {
  let stat: BigIntStats | undefined;
  try {
    stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
  if (stat?.isFile() !== true || stat.size < WORTH.least || stat.size > WORTH.most) return undefined;
  const parts = [FORMAT, path, stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs];
  const youngest = Number((stat.ctimeNs > stat.mtimeNs ? stat.ctimeNs : stat.mtimeNs) / 1_000_000n);
  return { text: JSON.stringify(parts.map(String)), isSettled: Date.now() - youngest > GRAIN };
}

/** A short name; two paths that share one only drive each other out. */
function fileName(path: OsPath): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < path.length; at++) hash = Math.imul(hash ^ path.charCodeAt(at), 0x01000193);
  return `${(hash >>> 0).toString(16)}.json`;
}

function recall(memory: OsPath, key: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = readBounded(memory, 4 * WORTH.most, "utf8");
    if (text?.startsWith(`${key}\n`) !== true) return undefined;
    const body = text.slice(key.length + 1);
    const value: unknown = body.includes('"\\u0000float"') ? JSON.parse(body, revive) : JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function revive(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !(FLOAT in value)) return value;
  return new PyFloat(Number((value as Record<string, unknown>)[FLOAT]));
}

function remember(folder: OsPath, memory: OsPath, key: string, value: unknown): void {
  const plain = plainOf(value);
  if (plain === undefined) return;
  try {
    makeFolders(folder);
    const names = readdirSync(folder);
    if (names.length >= MAX_FILES)
      for (const name of names) rmSync(join(folder, name), { force: true, recursive: true });
    writeFileAtomic(memory, `${key}\n${JSON.stringify(plain)}`, { noSync: true, inside: folder });
  } catch {
    // A memory that can't be written is none.
  }
}

/** The value as JSON can hold it without loss; undefined when it can't: dates, large integers, NaN. */
function plainOf(value: unknown): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0) ? value : undefined;
  if (value instanceof PyFloat) return Number.isFinite(value.value) ? { [FLOAT]: String(value.value) } : undefined;
  if (typeof value !== "object") return undefined;
  if (Array.isArray(value)) {
    const items = value.map(plainOf);
    return items.includes(undefined) ? undefined : items;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const entries = Object.entries(value).map(([name, one]) => [name, plainOf(one)] as const);
  if (entries.some(([name, one]) => one === undefined || name === FLOAT)) return undefined;
  return Object.fromEntries(entries);
}
