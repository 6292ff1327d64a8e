import { DvcError } from "../base/errors.ts";

/** What a database said, in its own words. */
export function databaseFailure(error: unknown): DvcError {
  if (error instanceof DvcError) return error;
  const nested: unknown = error instanceof AggregateError && error.message === "" ? error.errors[0] : error;
  const text = nested instanceof Error ? nested.message : String(nested);
  return new DvcError("The database returned the following error", { code: "storage", cause: new DvcError(text) });
}

/** What `work` gives. @throws {DvcError} what the database said */
export async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw databaseFailure(error);
  }
}
