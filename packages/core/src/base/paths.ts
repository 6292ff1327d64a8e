import { isAbsolute, relative, resolve, sep } from "node:path";
import { UnsafePathError } from "./errors.ts";

/** An absolute path in the platform's own spelling. */
export type OsPath = string;
/** A relative, normalised path with "/" between its parts. */
export type RelPath = string;

/** `path` relative to `from`, with "/"; "." when equal. */
export function posixRelative(from: OsPath, path: OsPath): RelPath {
  const rel = relative(from, path);
  return rel === "" ? "." : sep === "/" ? rel : rel.split(sep).join("/");
}

/** Whether `path` is `folder` or lies inside it. Both absolute and normalised; links are not followed. */
export function isInside(folder: OsPath, path: OsPath): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** The place of a path of a repository: its root is the root of all paths, and nothing is above it. */
export function placeInRepo(root: OsPath, path: string, from: OsPath = root): OsPath {
  return resolve(root, `.${resolve("/", relative(root, from), path)}`);
}

/** Whether `path` lies strictly inside `folder`. */
export function isStrictlyInside(folder: OsPath, path: OsPath): boolean {
  return path !== folder && isInside(folder, path);
}

/**
 * Whether a path component may stand for `.git` or `.dvc` on some file system: case folded, trailing dots and spaces
 * dropped (Windows), NTFS streams and short names, and HFS+ ignorable code points removed (Git's own rule).
 */
export function isReservedName(name: string): boolean {
  let plain = name;
  if (/[^\x20-\x7e]/.test(plain))
    plain = plain.normalize("NFKC").replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, "");
  plain = plain
    .replace(/:.*$/s, "")
    .replace(/[. ]+$/, "")
    .toLowerCase();
  return plain === ".git" || plain === ".dvc" || /^(git|dvc)~\d+$/.test(plain);
}

/** Longest path in a manifest, in UTF-16 units. */
export const MAX_MANIFEST_PATH = 4096;
/** Of a longer path messages show the beginning. */
const MAX_SHOWN = 200;

/**
 * Checks one path of an untrusted manifest: relative, normalised, "/"-separated, no `..`, no `.git` or `.dvc` component,
 * no NUL, no backslash on Windows.
 * @throws {UnsafePathError} that names the entry and `source`.
 */
export function checkManifestPath(path: string, source: string): void {
  const reason = unsafeReason(path);
  if (reason !== undefined) {
    const shown = path.length > MAX_SHOWN ? `${path.slice(0, MAX_SHOWN)}…` : path;
    throw new UnsafePathError(`unsafe path ${JSON.stringify(shown)} in '${source}': ${reason}`, {
      hint: "Nothing was written. The file may have been tampered with; get it again from its owner.",
    });
  }
}

function unsafeReason(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (path.length > MAX_MANIFEST_PATH) return "it is longer than any file system takes";
  if (path.includes("\0")) return "it holds a NUL character";
  if (sep === "\\" && path.includes("\\")) return "it holds a backslash";
  // Half of a surrogate pair has no UTF-8: the file would get another name, perhaps that of its neighbour.
  if (/\p{Surrogate}/u.test(path)) return "it is not valid Unicode";
  if (path.startsWith("/") || isAbsolute(path) || /^[A-Za-z]:[\\/]/.test(path)) return "it is absolute";
  for (const part of path.split("/")) {
    if (part === "") return "it is not normalised (an empty component)";
    if (part === "." || part === "..") return `it is not normalised (a '${part}' component)`;
    if (part.charCodeAt(0) === 46 || part.includes("~") || part.charCodeAt(0) > 126) {
      if (isReservedName(part)) return `it touches '${part}'`;
    } else if (/^\p{Cf}/u.test(part) && isReservedName(part)) return `it touches '${part}'`;
  }
  return undefined;
}
