import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { systemText } from "../data/ioError.ts";
import type { TransferResult } from "../odb/transfer.ts";
import type { CloneError } from "../scm/clone.ts";
import type { ObjectGroup } from "./objects.ts";
import type { Repo } from "./repo.ts";
import { trashHint } from "./trash.ts";

/** Sums over several transfers. */
export interface Transferred {
  count: number;
  bytes: number;
  failed: number;
  /** Why the first repository that an import comes from could not be had. */
  noSource?: CloneError;
}

/** Adds one transfer to the sum and tells of its failures in DVC's words, one line an object. */
export function reportTransfer(
  repo: Repo,
  result: TransferResult,
  group: Pick<ObjectGroup, "hashName">,
  total: Transferred,
  options: CallOptions,
): void {
  total.count += result.transferred;
  total.bytes += result.bytes;
  total.failed += result.failed.length;
  for (const { oid, error } of result.failed) {
    options.reporter?.emit({ type: "message", level: "error", text: `failed to transfer '${oid}' - ${reason(error)}` });
  }
  if (result.missing.length > 0) {
    const lines = result.missing.map((oid) => `${group.hashName}: ${oid}`).join("\n");
    warn(options, `Some of the cache files do not exist neither locally nor on remote. Missing cache files:\n${lines}`);
    const hint = trashHint(repo, result.missing);
    if (hint !== undefined) warn(options, hint);
  }
}

function reason(error: Error): string {
  const { cause, message } = error;
  if (!(cause instanceof Error)) return systemText(error) ?? message;
  return cause.message === message ? reason(cause) : `${message}: ${reason(cause)}`;
}
