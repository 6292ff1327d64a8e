import { StorageError } from "../base/errors.ts";

/** What a field of an answer is, when it is there; a list holds what its one member says. */
export type Shape = "text" | "number" | "count" | "truth" | readonly [Shape] | { readonly [field: string]: Shape };

/** What an answer is about, for messages. */
export interface JsonOf {
  /** URL of what was asked for. */
  readonly about: string;
  readonly protocol: string;
  readonly hint?: string;
}

/**
 * The JSON of an answer, whose fields are what `shape` says, or absent; `required` ones are there.
 * @throws {StorageError} for anything else: what listens there may be no such storage at all
 */
export function jsonAnswer(body: Buffer, shape: Shape, required: readonly string[], of: JsonOf): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (cause) {
    // It may have been spoilt on its way.
    throw strangeAnswer(of, { cause, retryable: true });
  }
  const fields = value as Readonly<Record<string, unknown>>;
  if (fits(value, shape) && required.every((name) => fields[name] !== undefined)) return value;
  throw strangeAnswer(of);
}

/** The error for an answer that is none of such a storage. */
export function strangeAnswer(
  { about, protocol, hint }: JsonOf,
  more: { readonly cause?: unknown; readonly retryable?: boolean } = {},
): StorageError {
  const message = `the server's answer about '${about}' makes no sense`;
  return new StorageError(message, { protocol, path: about, ...(hint === undefined ? {} : { hint }), ...more });
}

function fits(value: unknown, shape: Shape): boolean {
  if (shape === "text") return typeof value === "string";
  if (shape === "number") return typeof value === "number";
  if (shape === "count") return typeof value === "number" && value >= 0;
  if (shape === "truth") return typeof value === "boolean";
  if (isList(shape)) return Array.isArray(value) && value.every((one) => fits(one, shape[0]));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(shape).every(([name, one]) => !Object.hasOwn(fields, name) || fits(fields[name], one));
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}
