/** `md5` of the raw bytes (3.x), the 2.x text-normalising `md5-dos2unix`, or a storage's own checksum. */
export type HashName = "md5" | "md5-dos2unix" | "etag" | "checksum";

/** Names some bytes (or, with the suffix `.dir`, a folder's manifest). `value` is lower-case hex for the md5 names. */
export interface HashInfo {
  readonly name: HashName;
  readonly value: string;
}

/** Suffix of the hash of a folder. */
export const DIR_SUFFIX = ".dir";

/** Whether `value` names a folder's manifest. */
export function isDirHash(value: string): boolean {
  return value.endsWith(DIR_SUFFIX);
}

/** Whether `value` is 32 hex digits, with or without the folder suffix: safe to make a file name of. */
export function isOid(value: string): boolean {
  return /^[0-9a-f]{32}(\.dir)?$/.test(value);
}
