import { CheckoutError } from "../base/errors.ts";
import { expandGlobs } from "../repo/glob.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { checkoutLocked, type CheckoutOptions, type CheckoutResult } from "./checkout.ts";
import { fetchLocked, type FetchOptions } from "./fetch.ts";

export interface PullOptions extends FetchOptions, CheckoutOptions {
  /** Targets are shell patterns of files. */
  readonly glob?: boolean;
}

/** A checkout's result plus the number of objects fetched. */
export interface PullResult extends CheckoutResult {
  readonly fetched: number;
}

/** A checkout that failed after a fetch: says how much was fetched. */
export class PullError extends CheckoutError {
  readonly fetched: number;
  constructor(cause: CheckoutError, fetched: number) {
    super(cause.targets, cause.result, cause.hint);
    this.fetched = fetched;
  }
}

/**
 * Fetches what the cache lacks, then checks out.
 * @throws {PullError} when objects are missing everywhere; everything else was checked out
 * @example const { fetched, added } = await pull(repo)
 */
export async function pull(
  repo: Repo,
  targets: readonly string[] = [],
  options: PullOptions = {},
): Promise<PullResult> {
  return changeRepo(repo, "pull", options, async () => {
    const names = options.glob === true ? expandGlobs(repo, targets) : targets;
    const { fetched, partial } = await fetchLocked(repo, names, options);
    try {
      return { ...(await checkoutLocked(repo, names, { ...options, partial })), fetched };
    } catch (error) {
      throw error instanceof CheckoutError ? new PullError(error, fetched) : error;
    }
  });
}
