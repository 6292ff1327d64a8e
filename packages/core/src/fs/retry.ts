import { setTimeout as sleep } from "node:timers/promises";
import { StorageError } from "../base/errors.ts";
import type { AnswerHeaders } from "./httpAnswer.ts";

/** When and how often a call is tried again. */
export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attempts: number;
  /** Longest wait before the second try, in milliseconds; doubles from try to try. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** Waits; tests replace it. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** A number in [0, 1); tests replace it. */
  readonly random?: () => number;
}

/** Five tries over some three seconds. */
export const DEFAULT_RETRY: RetryPolicy = { attempts: 5, firstDelayMs: 200, maxDelayMs: 20_000 };

/** A server that asks to be left alone for longer is asked again all the same (ms). */
const MAX_ASKED_MS = 60_000;

/** Notes in an error how long the answer asks to wait (`Retry-After`: seconds, or a date). @returns the error */
export function withRetryAfter<E extends StorageError>(error: E, headers: AnswerHeaders): E {
  const said = headers["retry-after"];
  if (said === undefined) return error;
  const ms = /^\d+$/.test(said) ? Number(said) * 1000 : Date.parse(said) - Date.now();
  if (ms > 0) error.retryAfterMs = ms;
  return error;
}

/**
 * Calls `work` until it succeeds, fails for good (an error that is not a retryable StorageError), or the tries are used
 * up; waits between, longer each time, by a random part ("full jitter") so that clients that failed together do not
 * return together. `work` hears the number of the try, from 0.
 */
export async function retrying<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof StorageError) || !error.retryable || attempt + 1 >= policy.attempts) throw error;
      const asked = Math.min(error.retryAfterMs ?? 0, MAX_ASKED_MS);
      await (policy.sleep ?? wait)(Math.max(asked, delayMs(policy, attempt)), signal);
    }
  }
}

/** Whether a later run may go on where this one ended: it was stopped, or the way to the server failed. */
export function mayGoOnLater(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true || (error instanceof StorageError && error.retryable);
}

function delayMs(policy: RetryPolicy, attempt: number): number {
  const longest = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** attempt);
  return longest * (0.25 + 0.75 * (policy.random ?? Math.random)());
}

async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal });
}
