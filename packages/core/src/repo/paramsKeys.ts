import { isRecord, setKey } from "../formats/pyValues.ts";

/**
 * The part of a file of parameters that some keys name, nested as in the file. A key is dotted; its parts may be indices of
 * lists, and patterns with `*`, `?` and `[…]`. Keys that are not there give nothing. Lists named twice are joined, as DVC does.
 */
export function selectNested(data: unknown, keys: readonly string[]): unknown {
  let result: unknown = {};
  for (const key of new Set(keys)) {
    const found = search(data, key.split("."), 0);
    if (found !== undefined) result = merge(result, found);
  }
  return result;
}

function search(data: unknown, parts: readonly string[], at: number): unknown {
  const part = parts[at];
  if (part === undefined) return data;
  if (Array.isArray(data)) {
    let items: unknown[] | undefined;
    for (const [index, item] of data.entries()) {
      const found = matches(part, String(index)) ? search(item, parts, at + 1) : undefined;
      if (found === undefined) continue;
      // Places before the first one named are empty.
      items ??= [];
      while (items.length < index) items.push(null);
      items[index] = found;
    }
    return items;
  }
  if (!isRecord(data)) return undefined;
  let values: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(data)) {
    const found = matches(part, key) ? search(value, parts, at + 1) : undefined;
    if (found !== undefined) setKey((values ??= {}), key, found);
  }
  return values;
}

/** Python's `fnmatch` of one part. Loops instead of a regular expression: patterns come from the project. */
function matches(pattern: string, text: string): boolean {
  if (pattern === text) return true;
  if (!/[*?[]/.test(pattern)) return false;
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    const one = p < pattern.length ? matchOne(pattern, p, text.charAt(t)) : undefined;
    if (pattern[p] === "*") {
      star = p++;
      mark = t;
    } else if (one !== undefined) {
      p = one;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** Index behind what matched the character; undefined when it does not. */
function matchOne(pattern: string, at: number, char: string): number | undefined {
  const sign = pattern[at];
  if (sign === "?") return at + 1;
  const end = sign === "[" ? pattern.indexOf("]", at + 2) : -1;
  if (end < 0) return sign === char ? at + 1 : undefined;
  const isNot = pattern[at + 1] === "!";
  const set = pattern.slice(at + (isNot ? 2 : 1), end);
  return inSet(set, char) !== isNot ? end + 1 : undefined;
}

function inSet(set: string, char: string): boolean {
  for (let at = 0; at < set.length; at++) {
    const [from, dash, to] = [set.charAt(at), set[at + 1], set[at + 2]];
    if (dash === "-" && to !== undefined) {
      if (from <= char && char <= to) return true;
      at += 2;
    } else if (from === char) return true;
  }
  return false;
}

function merge(target: unknown, found: unknown): unknown {
  if (Array.isArray(target) && Array.isArray(found)) return [...(target as unknown[]), ...(found as unknown[])];
  if (!isRecord(target) || !isRecord(found)) return found;
  const result: Record<string, unknown> = { ...target };
  for (const [key, value] of Object.entries(found)) {
    setKey(result, key, Object.hasOwn(result, key) ? merge(result[key], value) : value);
  }
  return result;
}
