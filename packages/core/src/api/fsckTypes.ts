import type { BadObject } from "../odb/checkTypes.ts";
import type { CollectOptions } from "../repo/collectRevisions.ts";

/** Options of {@link fsck}. The revisions say whose objects must be there. */
export interface FsckOptions extends CollectOptions {
  /** Also check this remote. */
  readonly remote?: string;
  /** Bring in what is damaged or missing from where it is sound; what is damaged goes to the quarantine first. */
  readonly repair?: boolean;
  /** Folders of other caches, or of projects that have one, to repair from. */
  readonly from?: readonly string[];
  /** What is needed and missing is no problem. */
  readonly allowMissing?: boolean;
  /** Don't go on where an interrupted run stopped. */
  readonly restart?: boolean;
  readonly jobs?: number;
}

/** One object that is not as it should be. */
export interface FsckFinding {
  readonly oid: string;
  /** `missing`: a revision needs it, and it is not there. */
  readonly problem: BadObject["problem"] | "missing";
  /** Where it lies or should lie: a path or a URL. */
  readonly where: string;
  /** The tracked path that needs it; undefined when nothing that was looked at does. */
  readonly path?: string;
  /** The hash that its bytes have. */
  readonly actual?: string;
  readonly detail?: string;
  /** Where its damaged bytes are now. */
  readonly quarantined?: string;
  /** Where it was repaired from. */
  readonly repairedFrom?: string;
}

/** What was found in one store. */
export interface FsckStore {
  /** `cache`, or the remote's name. */
  readonly name: string;
  readonly kind: "cache" | "remote";
  /** Folder or URL of the objects. */
  readonly url: string;
  readonly objects: number;
  /** Bytes hashed. */
  readonly bytes: number;
  /** Seconds that this run took. */
  readonly seconds: number;
  /** When an interrupted run began that this one went on with; ISO 8601. */
  readonly continuedFrom?: string;
  readonly findings: readonly FsckFinding[];
}

/** `ok`: everything that was asked for was looked at, and nothing is wrong, or all of it was repaired. */
export interface FsckResult {
  readonly ok: boolean;
  readonly stores: readonly FsckStore[];
  /** Revisions that can't be read: what they need was not looked for. */
  readonly unread: readonly { readonly name: string; readonly reason: string }[];
  /** Findings over all stores: what was repaired and what was not. */
  readonly repaired: number;
  readonly unrepaired: number;
}
