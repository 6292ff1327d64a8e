import type { CallOptions } from "../base/events.ts";

/** Options of `add`. */
export interface AddOptions extends CallOptions {
  /** Only hash; put nothing into the cache. */
  readonly noCommit?: boolean;
  readonly glob?: boolean;
  /** Copy the one target to this path and track that. */
  readonly out?: string;
  /** Send the one target straight to a remote, without cache and workspace copy. */
  readonly toRemote?: boolean;
  readonly remote?: string;
  readonly remoteJobs?: number;
  readonly force?: boolean;
  readonly noRelink?: boolean;
}
