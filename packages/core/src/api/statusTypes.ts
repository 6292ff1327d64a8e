import type { CallOptions } from "../base/events.ts";
import type { StageStatus } from "../pipeline/changed.ts";
import type { RevisionOptions } from "../repo/revisions.ts";

export interface StatusOptions extends CallOptions, RevisionOptions {
  /** Compare the cache with a remote instead of the workspace with the records. */
  readonly cloud?: boolean;
  /** Implies `cloud`. */
  readonly remote?: string;
  readonly withDeps?: boolean;
  readonly recursive?: boolean;
  readonly jobs?: number;
  /** Against a remote: read each object back and hash it. */
  readonly deep?: boolean;
  /** Don't ask the sources of imports whether they have something newer. */
  readonly noUpdates?: boolean;
}

/** Stage address -> what changed, in DVC's words; unchanged stages are left out. */
export type WorkspaceStatus = Readonly<Record<string, StageStatus>>;
/** "new" (not on the remote), "deleted" (only there), "missing" (nowhere), or, with `deep`, "damaged" (there with wrong bytes). */
export type CloudState = "new" | "deleted" | "missing" | "damaged";
/** By path; what is in both is left out. */
export type CloudStatus = Readonly<Record<string, CloudState>>;

/** `isEmpty`: the project tracks nothing yet. `remote`: name of the remote looked at. */
export type StatusResult =
  | { readonly kind: "workspace"; readonly status: WorkspaceStatus; readonly isEmpty: boolean }
  | {
      readonly kind: "cloud";
      readonly status: CloudStatus;
      readonly remote: string | undefined;
      readonly isEmpty: boolean;
    };
