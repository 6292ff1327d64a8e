import { CorruptObjectError, DvcError, isNotFound } from "../base/errors.ts";
import { mapBounded } from "../base/pool.ts";
import type { CopyOutcome } from "./copyObjects.ts";

/** So many failures in a row mean that the storage, not the object, is at fault. */
const GIVE_UP_AFTER = 10;

/** Failures that every other object would meet too: an abort, credentials, a missing bucket. */
export function isFatal(error: unknown): boolean {
  if (error instanceof CorruptObjectError || isNotFound(error)) return false;
  if (!(error instanceof DvcError)) return (error as Error).name === "AbortError";
  return error.code === "auth" || error.code === "config" || error.code === "aborted" || error.code === "no-remote";
}

/**
 * Runs `work` (which returns the bytes moved) for each object with at most `jobs` under way, and sorts what became of
 * them. A fatal failure, or ten failures in a row, ends the whole and is thrown.
 */
export async function eachObject(
  oids: Iterable<string>,
  jobs: number,
  work: (oid: string) => Promise<number>,
  signal: AbortSignal | undefined,
): Promise<CopyOutcome> {
  const outcome: CopyOutcome = { count: 0, bytes: 0, missing: [], failed: [] };
  let inARow = 0;
  await mapBounded(
    oids,
    jobs,
    async (oid) => {
      try {
        const bytes = await work(oid);
        outcome.bytes += bytes;
        outcome.count++;
        inARow = 0;
      } catch (error) {
        signal?.throwIfAborted();
        if (isFatal(error)) throw error;
        if (isNotFound(error)) outcome.missing.push(oid);
        else {
          outcome.failed.push({ oid, error: error as Error });
          if (!(error instanceof CorruptObjectError) && ++inARow >= GIVE_UP_AFTER) throw error;
        }
      }
    },
    signal,
  );
  return outcome;
}
