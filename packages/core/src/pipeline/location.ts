import { lstatSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, normalize, relative, sep } from "node:path";
import { ConfigError, DvcError, UnsafePathError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { isInside, isReservedName, isStrictlyInside } from "../base/paths.ts";
import type { HashName } from "../hash/hashInfo.ts";
import type { LoadContext } from "./source.ts";
import type { Output } from "./stage.ts";

/** Where an output or dependency is. */
export interface Location {
  readonly defPath: string;
  readonly path: OsPath;
  readonly isLocal: boolean;
  readonly isInRepo: boolean;
}

const URL_SCHEME = /^([a-zA-Z][a-zA-Z0-9+.-]+):\/\//;

/** The scheme of a URL in lower case; undefined for local paths (also `C:\…`). */
export function schemeOf(path: string): string | undefined {
  const scheme = URL_SCHEME.exec(path)?.[1]?.toLowerCase();
  return scheme === "file" || scheme === "local" ? undefined : scheme;
}

/** Longest path that a file may name, in UTF-16 units: systems take less. */
const MAX_PATH = 4096;

/** Refuses what no file system takes. `file`: where it is written. @throws {UnsafePathError} */
export function checkWritten(written: string, what: "path" | "wdir", file?: OsPath): void {
  const isLong = written.length > MAX_PATH;
  if (!isLong && !written.includes("\0")) return;
  const reason = isLong ? "is longer than any file system takes" : "holds a NUL character";
  const shown = JSON.stringify(isLong ? `${written.slice(0, 100)}…` : written);
  throw new UnsafePathError(`${what} ${shown}${file === undefined ? "" : ` in '${file}'`} ${reason}`, {
    hint: "Nothing was done. Correct it where it is written.",
  });
}

/**
 * Resolves a path as written in a stage, in `file`. An absolute path inside the project becomes relative to `wdir`, as DVC does.
 * @throws {ConfigError} when it names a remote that does not exist, {UnsafePathError} when no file can have that name.
 */
export function locate(written: string, wdir: OsPath, context: LoadContext, file?: OsPath): Location {
  checkWritten(written, "path", file);
  const scheme = schemeOf(written);
  if (scheme === "remote") return locateRemote(written, context);
  if (scheme !== undefined) return { defPath: written, path: written, isLocal: false, isInRepo: false };
  const plain = written.replace(/^(file|local):\/\//i, "");
  if (isAbsolute(plain)) {
    const path = withoutEndSlash(normalize(plain));
    if (!isStrictlyInside(context.root, path)) return { defPath: written, path, isLocal: true, isInRepo: false };
    return { defPath: posix(relative(wdir, path)), path, isLocal: true, isInRepo: true };
  }
  const path = withoutEndSlash(join(wdir, plain));
  return { defPath: written, path, isLocal: true, isInRepo: isInside(context.root, path) };
}

/** Remotes may name each other in a ring. */
const MAX_NESTED_REMOTES = 16;

function locateRemote(written: string, context: LoadContext, depth = 0): Location {
  const [, name = "", rest = ""] = /^remote:\/\/([^/]*)\/?(.*)$/i.exec(written) ?? [];
  if (context.remoteUrl === undefined) return { defPath: written, path: written, isLocal: false, isInRepo: false };
  const base = context.remoteUrl(name);
  if (base === undefined) throw new ConfigError(`remote '${name}' doesn't exist`);
  // A remote may itself be a part of another.
  if (schemeOf(base) === "remote" && depth < MAX_NESTED_REMOTES) {
    const above = locateRemote(`${base.replace(/\/+$/, "")}/${rest}`, context, depth + 1);
    return { ...above, defPath: written };
  }
  if (schemeOf(base) === undefined) {
    return { defPath: written, path: withoutEndSlash(join(base, rest)), isLocal: true, isInRepo: false };
  }
  return { defPath: written, path: `${base.replace(/\/+$/, "")}/${rest}`, isLocal: false, isInRepo: false };
}

function withoutEndSlash(path: string): string {
  return path.length > 1 && path.endsWith(sep) ? path.slice(0, -1) : path;
}

/** A path of this platform with "/" between its parts. */
export function posix(path: string): string {
  return sep === "/" ? path : path.split(sep).join("/");
}

const STORAGE_HASH: Readonly<Record<string, HashName>> = {
  s3: "etag",
  gs: "etag",
  azure: "etag",
  abfs: "etag",
  oss: "etag",
  webdav: "etag",
  webdavs: "etag",
  http: "checksum",
  https: "checksum",
  hdfs: "checksum",
  webhdfs: "checksum",
  gdrive: "checksum",
  ssh: "md5",
  sftp: "md5",
};

/** The checksum a storage itself keeps for its files; `md5` for local paths. */
export function storageHashName(path: string): HashName {
  const scheme = schemeOf(path);
  return scheme === undefined ? "md5" : (STORAGE_HASH[scheme] ?? "md5");
}

/**
 * Refuses paths that no output may have: `.dvc` files and `dvc.yaml`, and anything in `.git` or `.dvc`.
 * Looks at the text only.
 * @throws {UnsafePathError}, {DvcError}
 */
export function checkOutputText(location: Location, file: OsPath, context: LoadContext): void {
  const { defPath, path } = location;
  if (!location.isLocal) return;
  if (path.endsWith(".dvc") || path.endsWith(`${sep}dvc.yaml`)) {
    throw new DvcError(`DVC file '${defPath}' cannot be an output.`);
  }
  if (!location.isInRepo) return;
  if (path === context.root) throw unsafe(defPath, file, "it is the project itself");
  for (const part of path.slice(context.root.length).split(sep)) {
    if (part !== "" && isReservedName(part)) throw unsafe(defPath, file, `it touches '${part}'`);
  }
}

function unsafe(defPath: string, file: OsPath, reason: string): UnsafePathError {
  return new UnsafePathError(`unsafe output path '${defPath}' in '${file}': ${reason}`, {
    hint: "Nothing was written. The file may have been tampered with; check where it came from.",
  });
}

/**
 * Makes sure that an output may be written: it is inside the project and no parent folder is a symlink that leaves it.
 * To be called by every verb before it changes the workspace.
 * @throws {UnsafePathError}
 */
export function checkOutputPlace(out: Pick<Output, "path" | "defPath" | "isInRepo">, file: OsPath, root: OsPath): void {
  if (!out.isInRepo) throw unsafe(out.defPath, file, "it is outside of the project");
  for (let folder = dirname(out.path); isStrictlyInside(root, folder); folder = dirname(folder)) {
    if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
    let real: string;
    try {
      real = realpathSync(folder);
    } catch {
      throw unsafe(out.defPath, file, `'${folder}' is a broken symlink`);
    }
    const realRoot = realpathSync(root);
    if (!isInside(realRoot, real)) throw unsafe(out.defPath, file, `'${folder}' is a symlink that leaves the project`);
    for (const part of real.slice(realRoot.length).split(sep)) {
      if (part !== "" && isReservedName(part)) throw unsafe(out.defPath, file, `'${folder}' leads into '${part}'`);
    }
  }
}
