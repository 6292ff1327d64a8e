import type { CallOptions } from "../base/events.ts";

/** What to transfer. For each of `dirs` the files that its manifest names are wanted too, unless `onlyListed`. */
export interface TransferSet {
  readonly files: ReadonlySet<string>;
  readonly dirs: ReadonlySet<string>;
  /** `dirs` are wanted for their manifests only: the files wanted of them stand in `files`. */
  readonly onlyListed?: boolean;
}

/** One object that could not be transferred. */
export interface TransferFailure {
  readonly oid: string;
  readonly error: Error;
}

/** What a transfer did. `transferred` counts objects, manifests too. */
export interface TransferResult {
  readonly transferred: number;
  readonly bytes: number;
  readonly failed: readonly TransferFailure[];
  /** Neither here nor there. */
  readonly missing: readonly string[];
}

/** Options of a transfer. */
export interface TransferOptions extends CallOptions {
  /** Objects under way at once; the remote's own number when not given. */
  readonly jobs?: number | undefined;
}
