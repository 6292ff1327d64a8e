/** What is known of a file or folder beside its hash. */
export interface Meta {
  /** Bytes; the sum for a folder. */
  readonly size?: number;
  /** Number of files; folders only. */
  readonly nfiles?: number;
  /** Owner may execute; single files only. */
  readonly isexec?: boolean;
  readonly versionId?: string;
  readonly etag?: string;
  readonly checksum?: string;
}

/** Whether it is of a file without a byte, or a folder without a file. */
export function isOfNothing({ size, nfiles }: Pick<Meta, "size" | "nfiles">): boolean {
  return nfiles === undefined ? size === 0 : nfiles === 0;
}
