import { isDeepStrictEqual } from "node:util";

/** A class of errors that a parser may throw. */
type ErrorClass = abstract new (...args: never[]) => Error;

/** What a parser makes of hostile input: a value, or one of the errors that it promises; anything else is a finding. */
export function parsed<T>(work: () => T, ...expected: readonly ErrorClass[]): { readonly value: T } | undefined {
  try {
    return { value: work() };
  } catch (error) {
    if (expected.some((one) => error instanceof one)) return undefined;
    throw error;
  }
}

/** The same for what waits. */
export async function parsedLater<T>(
  work: () => Promise<T>,
  ...expected: readonly ErrorClass[]
): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await work() };
  } catch (error) {
    if (expected.some((one) => error instanceof one)) return undefined;
    throw error;
  }
}

/** @throws when two values that must be the same are not. */
export function same(what: string, got: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(got, wanted)) return;
  const shown = (value: unknown): string =>
    JSON.stringify(value, (_key, one: unknown) => (typeof one === "bigint" ? `${String(one)}n` : one)).slice(0, 300);
  throw new Error(`${what}: ${shown(got)} instead of ${shown(wanted)}`);
}
