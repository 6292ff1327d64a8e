import { isRecord, pyRepr } from "./pyValues.ts";

/** One violation. `path` leads from the root to the value; a missing key is its last part. */
export interface SchemaError {
  readonly message: string;
  readonly path: readonly (string | number)[];
  /** Set when the value of a mapping is wrong, not its key. */
  readonly isValue: boolean;
}

/** Checks a value found at `path`; no errors means that it fits. */
export type Check = (value: unknown, path: readonly (string | number)[]) => SchemaError[];

const fail = (message: string, path: readonly (string | number)[]): SchemaError[] => [
  { message, path, isValue: false },
];

/** A string. */
export const isText: Check = (value, path) => (typeof value === "string" ? [] : fail("expected str", path));

/** An integer; Python counts booleans. */
export const isInteger: Check = (value, path) =>
  typeof value === "bigint" || typeof value === "boolean" || (typeof value === "number" && Number.isInteger(value))
    ? []
    : fail("expected int", path);

/** A boolean. */
export const isBoolean: Check = (value, path) => (typeof value === "boolean" ? [] : fail("expected bool", path));

/** Any mapping. */
export const isMapping: Check = (value, path) => (isRecord(value) ? [] : fail("expected dict", path));

/** Any list. */
export const isList: Check = (value, path) => (Array.isArray(value) ? [] : fail("expected list", path));

/** Anything at all. */
export const isAnything: Check = () => [];

/** Null. */
export const isNull: Check = (value, path) =>
  value === null || value === undefined ? [] : fail("not a valid value", path);

/** Exactly `wanted`. */
export function equals(wanted: string, message = "not a valid value"): Check {
  return (value, path) => (value === wanted ? [] : fail(message, path));
}

/** A check by a predicate. */
export function matches(predicate: (value: unknown) => boolean, message = "not a valid value"): Check {
  return (value, path) => (predicate(value) ? [] : fail(message, path));
}

/** The first alternative that fits; otherwise the errors of the one that failed deepest (`message` replaces them). */
export function anyOf(alternatives: readonly Check[], message?: string): Check {
  return (value, path) => {
    let worst: SchemaError[] = [];
    for (const alternative of alternatives) {
      const errors = alternative(value, path);
      if (errors.length === 0) return [];
      if (worst.length === 0 || depth(errors) > depth(worst)) worst = errors;
    }
    return message === undefined ? worst : fail(message, path);
  };
}

/** All of them, in order; stops at the first that fails. */
export function allOf(checks: readonly Check[], message?: string): Check {
  return (value, path) => {
    for (const check of checks) {
      const errors = check(value, path);
      if (errors.length > 0) return message === undefined ? errors : fail(message, path);
    }
    return [];
  };
}

function depth(errors: readonly SchemaError[]): number {
  return errors[0]?.path.length ?? 0;
}

/** Longer lists are refused, but for those of files: nobody writes so many entries, and each costs time. */
const MAX_ITEMS = 20_000;

/** A list whose items each fit one of `alternatives`. A nested failure ends the walk, as in DVC. */
export function listOf(...alternatives: Check[]): Check {
  return listUpTo(MAX_ITEMS, alternatives);
}

/** The same for the files of a folder, of which there may be very many. */
export function fileListOf(...alternatives: Check[]): Check {
  return listUpTo(Infinity, alternatives);
}

function listUpTo(most: number, alternatives: readonly Check[]): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return fail("expected a list", path);
    if (value.length > most) return fail(`more than ${String(most)} entries`, path);
    const errors: SchemaError[] = [];
    for (const [index, item] of value.entries()) {
      const itemPath = [...path, index];
      let last: SchemaError[] = [];
      for (const alternative of alternatives) {
        last = alternative(item, itemPath);
        if (last.length === 0) break;
        if (depth(last) > itemPath.length) return last;
      }
      errors.push(...last);
    }
    return errors;
  };
}

/** What a mapping may hold. */
export interface MappingShape {
  readonly keys?: Readonly<Record<string, Check>>;
  readonly required?: readonly string[];
  /** For keys that `keys` does not name; absent: they are not allowed. */
  readonly rest?: Check;
  /** Allows keys that are not named. */
  readonly open?: boolean;
  /** Pairs of keys that exclude each other, with the group's name. */
  readonly exclusive?: { readonly group: string; readonly keys: readonly string[] };
}

/** A mapping of the given shape. Errors come in the order of the data; missing keys last. */
export function mappingOf(shape: MappingShape): Check {
  const keys = shape.keys ?? {};
  return (value, path) => {
    if (!isRecord(value)) return fail("expected a dictionary", path);
    const clash = exclusiveClash(shape, value, path);
    if (clash !== undefined) return clash;
    const errors: SchemaError[] = [];
    for (const [key, one] of Object.entries(value)) {
      const keyPath = [...path, key];
      const check = Object.hasOwn(keys, key) ? keys[key] : shape.rest;
      if (check === undefined) {
        if (shape.open !== true) errors.push(...fail("extra keys not allowed", keyPath));
        continue;
      }
      for (const error of check(one, keyPath)) {
        errors.push(error.path.length <= keyPath.length ? { ...error, isValue: true } : error);
      }
    }
    for (const key of shape.required ?? []) {
      if (!Object.hasOwn(value, key)) errors.push(...fail("required key not provided", [...path, key]));
    }
    return errors;
  };
}

function exclusiveClash(
  shape: MappingShape,
  value: Record<string, unknown>,
  path: readonly (string | number)[],
): SchemaError[] | undefined {
  const rule = shape.exclusive;
  if (rule === undefined || rule.keys.filter((key) => Object.hasOwn(value, key)).length < 2) return undefined;
  return fail(`two or more values in the same group of exclusion '${rule.group}'`, [...path, `<${rule.group}>`]);
}

/** The error as Python's voluptuous prints it: `expected int for dictionary value @ data['a'][0]`. */
export function errorText(error: SchemaError): string {
  const kind = error.isValue ? " for dictionary value" : "";
  // A group's name is not quoted.
  const parts = error.path.map((part) => (typeof part === "string" && /^<.*>$/.test(part) ? part : pyRepr(part)));
  return `${error.message}${kind}${parts.length > 0 ? ` @ data[${parts.join("][")}]` : ""}`;
}
