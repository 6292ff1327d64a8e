import { compareCodePoints } from "../base/codePoints.ts";
import { parseJsonParams } from "../formats/paramsJson.ts";
import { asNumber, isRecord, pyEquals, pyFloat, pyRepr, setKey } from "../formats/pyValues.ts";
import { isFalsy, type RevisionValues, shownFile } from "./fileValues.ts";
import type { Repo } from "./repo.ts";

/** One value that differs; null where there is none. `diff` when both are numbers. */
export interface ValueChange {
  /** Keys joined by dots; "" when the file is a single value. */
  readonly key: string;
  readonly old: unknown;
  readonly new: unknown;
  readonly diff?: unknown;
}

/** The values of one file that differ, by key. `path` is relative to the working folder. */
export interface FileChanges {
  readonly path: string;
  readonly changes: readonly ValueChange[];
}

/** What differs between two revisions, and which of them could not be read whole. */
export interface ValuesDiff {
  readonly files: readonly FileChanges[];
  /** Names of revisions. */
  readonly failed: readonly string[];
}

/** Which revisions to compare, by the names they were asked for. */
export interface DiffOptions {
  readonly older: string;
  readonly newer: string;
  /** Also what is equal. */
  readonly all: boolean;
}

/**
 * Compares two of the revisions read, file by file in the order of the older, then the newer one. Lists are compared as text.
 * @throws {Error} `duplicated key 'a.b'` when two keys of a file are the same once joined.
 */
export function diffRevisions(
  repo: Repo,
  read: readonly RevisionValues[],
  { older, newer, all }: DiffOptions,
): ValuesDiff {
  const sides = [older, newer].map((name) => read.find((one) => one.name === name));
  const [before = new Map<string, unknown>(), after = new Map<string, unknown>()] = sides.map(dataOf);
  const files: FileChanges[] = [];
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const changes = diffFile(before.get(path) ?? {}, after.get(path) ?? {}, all);
    if (changes.length > 0) files.push({ path: shownFile(repo, path), changes });
  }
  const failed = new Set(sides.flatMap((one) => (one !== undefined && hasFailed(one) ? [one.name] : [])));
  return { files, failed: [...failed] };
}

function hasFailed(revision: RevisionValues): boolean {
  return "error" in revision || revision.files.some((one) => "error" in one);
}

function dataOf(revision: RevisionValues | undefined): Map<string, unknown> {
  if (revision === undefined || "error" in revision) return new Map();
  return new Map(revision.files.map((one) => [one.path, "data" in one ? listsAsText(one.data) : {}]));
}

function listsAsText(value: unknown): unknown {
  if (Array.isArray(value)) return pyRepr(value);
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) setKey(result, key, listsAsText(one));
  return result;
}

function diffFile(oldRaw: unknown, newRaw: unknown, all: boolean): ValueChange[] {
  const old = parsed(oldRaw);
  const fresh = parsed(newRaw);
  if (!isRecord(old) && !isRecord(fresh)) return present(change("", old, fresh, all));
  const [before, after] = [lookup(old), lookup(fresh)];
  return [...new Set([...before.keys, ...after.keys])]
    .sort(compareCodePoints)
    .flatMap((key) => present(change(key, before.get(key), after.get(key), all)));
}

function present(one: ValueChange | undefined): ValueChange[] {
  return one === undefined ? [] : [one];
}

/** A file that is one text may hold JSON. */
function parsed(raw: unknown): unknown {
  if (typeof raw !== "string") return raw;
  try {
    return parseJsonParams(raw);
  } catch {
    return raw;
  }
}

function lookup(value: unknown): { keys: Iterable<string>; get(key: string): unknown } {
  if (isFalsy(value)) return { keys: [], get: () => null };
  if (!isRecord(value)) return { keys: [], get: () => "unable to parse" };
  const flat = flatten(value);
  return { keys: flat.keys(), get: (key) => flat.get(key) ?? null };
}

/**
 * Nested mappings as one, keys joined by dots; empty mappings vanish.
 * @throws {Error} `duplicated key 'a.b'`, as DVC, which calls that unexpected.
 */
export function flatten(value: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  const visit = (inner: Readonly<Record<string, unknown>>, prefix: string): void => {
    for (const [key, one] of Object.entries(inner)) {
      const path = prefix + key;
      if (isRecord(one)) visit(one, `${path}.`);
      else if (flat.has(path)) throw new Error(`duplicated key '${path}'`);
      else flat.set(path, one);
    }
  };
  visit(value, "");
  return flat;
}

function change(key: string, old: unknown, fresh: unknown, all: boolean): ValueChange | undefined {
  if (Array.isArray(old) && Array.isArray(fresh) && old.length === 1 && fresh.length === 1) {
    return change(key, old[0], fresh[0], all);
  }
  if (!all && pyEquals(old, fresh)) return undefined;
  if (!isNumber(old) || !isNumber(fresh)) return { key, old, new: fresh };
  return { key, old, new: fresh, diff: difference(fresh, old) };
}

/** For Python a truth value is a number. */
function isNumber(value: unknown): boolean {
  return typeof value === "boolean" || asNumber(value) !== undefined;
}

/** Python's `a - b`: exact for integers, a float when one of them is. */
function difference(a: unknown, b: unknown): unknown {
  const [left, right] = [integer(a), integer(b)];
  if (left === undefined || right === undefined) return pyFloat(toNumber(a) - toNumber(b));
  const result = left - right;
  return Number.isSafeInteger(Number(result)) ? Number(result) : result;
}

function integer(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  const number = typeof value === "boolean" ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) ? BigInt(number) : undefined;
}

function toNumber(value: unknown): number {
  return typeof value === "boolean" ? Number(value) : (asNumber(value) ?? NaN);
}
