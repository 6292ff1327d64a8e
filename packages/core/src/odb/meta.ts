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
