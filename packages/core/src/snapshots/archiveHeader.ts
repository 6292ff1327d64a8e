import { FormatError } from "../base/errors.ts";
import { isRecord } from "../formats/pyValues.ts";

/** The first file of an archive, `snapshot.json`. */
export interface ArchiveHeader {
  readonly format: 1;
  readonly commit: string;
  /** Git's own objects, base64: whoever imports can prove that files and commit belong together. */
  readonly commitObject: string;
  readonly tag: string | null;
  /** Of an annotated tag. */
  readonly tagObject: string | null;
  /** Folder of the project from Git's top folder; "." for that itself. */
  readonly project: string;
  /** Files of code, and their bytes. */
  readonly code: number;
  readonly codeBytes: number;
  /** Objects of data, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /** Submodules: path and commit. Their files are not in the archive. */
  readonly submodules: readonly (readonly [string, string])[];
}

/** A header larger than this is refused (bytes). */
export const MAX_HEADER: number = 16 << 20;

/** @throws {FormatError} for anything that is no header of ours */
export function parseHeader(text: string, file: string): ArchiveHeader {
  const bad = (reason: string): FormatError =>
    new FormatError(`'${file}' is no snapshot archive: ${reason}`, {
      file,
      hint: "Archives are made by: holdfast snapshot export TAG OUT.tar.zst",
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad("snapshot.json is no JSON");
  }
  if (!isRecord(value)) throw bad("snapshot.json is no mapping");
  if (value["format"] !== 1) throw bad("it has a format that this version does not know");
  const isText = (one: unknown): boolean => typeof one === "string";
  const isCount = (one: unknown): boolean => Number.isSafeInteger(one) && (one as number) >= 0;
  const isSha = (one: unknown): boolean => typeof one === "string" && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(one);
  const { submodules } = value;
  const good =
    isSha(value["commit"]) &&
    ["commitObject", "project"].every((key) => isText(value[key])) &&
    ["tag", "tagObject"].every((key) => value[key] === null || isText(value[key])) &&
    ["code", "codeBytes", "objects", "bytes"].every((key) => isCount(value[key])) &&
    Array.isArray(submodules) &&
    submodules.every((one) => Array.isArray(one) && isText(one[0]) && isSha(one[1]));
  if (!good) throw bad("snapshot.json does not say what it must");
  return value as unknown as ArchiveHeader;
}
