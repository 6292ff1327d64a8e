import { DvcError } from "../base/errors.ts";
import { compileGlob } from "../formats/ignoreGlob.ts";
import { isRecord, pyEquals } from "../formats/pyValues.ts";

/**
 * Values of parameters by dotted key, those that are there, in the order of `keys`; without keys the top level of the file.
 * A part of a key may be the index of a list, or hold `*` and `?`, as shells know them.
 * @throws {DvcError} when such a key means more than one value
 */
export function selectParams(data: unknown, keys: readonly string[]): Map<string, unknown> {
  if (keys.length === 0) return new Map(isRecord(data) ? Object.entries(data) : []);
  const found = new Map<string, unknown>();
  for (const key of keys) {
    const parts = key.split(".");
    const value = lookup(data, parts, 0) ?? (/[*?]/.test(key) ? onlyMatch(data, parts, key) : undefined);
    if (value !== undefined) found.set(key, value.value);
  }
  return found;
}

function lookup(data: unknown, parts: readonly string[], at: number): { value: unknown } | undefined {
  const part = parts[at];
  if (part === undefined) return { value: data };
  if (Array.isArray(data)) {
    if (!/^-?\d+$/.test(part)) return undefined;
    const index = Number(part) < 0 ? data.length + Number(part) : Number(part);
    return index >= 0 && index < data.length ? lookup(data[index], parts, at + 1) : undefined;
  }
  if (!isRecord(data)) return undefined;
  return Object.hasOwn(data, part) ? lookup(data[part], parts, at + 1) : undefined;
}

function onlyMatch(data: unknown, parts: readonly string[], key: string): { value: unknown } | undefined {
  let found: readonly unknown[] = [data];
  for (const part of parts) {
    const glob = compileGlob(part);
    if (glob === undefined) return undefined;
    found = found.flatMap((one) =>
      childrenOf(one).flatMap(([name, value]) => (glob.matches(name, false) ? [value] : [])),
    );
  }
  if (found.length > 1) throw new DvcError(`globs must match only one leaf: ${key}`, { code: "format" });
  return found.length === 0 ? undefined : { value: found[0] };
}

function childrenOf(data: unknown): [string, unknown][] {
  if (Array.isArray(data)) return data.map((one: unknown, index) => [String(index), one]);
  return isRecord(data) ? Object.entries(data) : [];
}

/** How a parameter differs from the lock. */
export type ParamChange = "new" | "deleted" | "modified";

/**
 * Compares the values of a params file with the lock; equal ones are left out. Order: `keys`, or without keys those of the
 * file and then those of the lock.
 */
export function compareParams(
  actual: ReadonlyMap<string, unknown>,
  locked: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Map<string, ParamChange> {
  const order = keys.length > 0 ? keys : [...new Set([...actual.keys(), ...Object.keys(locked)])];
  const changes = new Map<string, ParamChange>();
  for (const key of order) {
    if (!actual.has(key)) changes.set(key, "deleted");
    else if (!Object.hasOwn(locked, key)) changes.set(key, "new");
    else if (!pyEquals(actual.get(key), locked[key])) changes.set(key, "modified");
  }
  return changes;
}
