import { chmodSync, constants, copyFileSync, linkSync, symlinkSync, unlinkSync } from "node:fs";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";

/** How a file of the cache appears in the workspace: `cache.type`. */
export type LinkType = "reflink" | "hardlink" | "symlink" | "copy";

/** DVC's default. */
export const DEFAULT_LINK_TYPES: readonly LinkType[] = ["reflink", "copy"];

/** Below this many bytes a plain copy costs less than asking for a clone. */
const CLONE_FROM = 16 * 1024;

/** Objects of fewer bytes than this are copied at once, whatever the file system can do. */
export function copiedBelow([first, second]: readonly LinkType[]): number {
  if (first === "copy") return Infinity;
  return first === "reflink" && second === "copy" ? CLONE_FROM : 0;
}

/**
 * The type that a new file gets when `types` are tried in turn: a clone only where one can be made of the object `from`
 * as `to` (tried, and removed again). Where a copy comes next there is nothing to find out: it looks the same.
 */
export function firstLinkType(types: readonly LinkType[], from: OsPath, to: OsPath): LinkType {
  const [first = "copy", second = "copy"] = types;
  if (first !== "reflink" || second === "copy") return first;
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return first;
  } catch (error) {
    return judge(error) === "never" ? second : first;
  } finally {
    removeCreated(to);
  }
}

/** What is to be linked. */
export interface LinkJob {
  /** Absolute path of the object. */
  readonly from: OsPath;
  /** Absolute path of the new file; must not exist. */
  readonly to: OsPath;
  /** Bytes. */
  readonly size: number;
  /** The file will get the execute bit, so it must not share the object's inode. */
  readonly isexec: boolean;
}

/** Copies an object to a new file with mode 0666 less the umask. */
export type CopyObject = (from: OsPath, to: OsPath) => void;

/**
 * Puts objects into the workspace by the first type of a list that works, file by file. What a file system does not
 * support is tried once for each pair of file systems, and what only one file refuses (too many links) falls back for it
 * alone.
 */
export class Linker {
  readonly #types: readonly LinkType[];
  readonly #copy: CopyObject;
  readonly #fileMode: number;
  /** `type` + pair of file systems that do not support it. */
  readonly #unsupported = new Set<string>();

  /** `fileMode`: permission bits of files that are not links to the object (0666 less the umask). */
  constructor(types: readonly LinkType[], copy: CopyObject, fileMode: number) {
    this.#types = types;
    this.#copy = copy;
    this.#fileMode = fileMode;
  }

  /**
   * Creates `job.to`. `pair` names the two file systems (any text).
   * @returns the type used.
   * @throws {DvcError} DVC's text when no type works; the file system's error when the disk is full or the object gone.
   */
  place(job: LinkJob, pair = ""): LinkType {
    let last: unknown;
    for (const type of this.#types) {
      const key = type + pair;
      if (this.#unsupported.has(key)) continue;
      try {
        return this.#try(type, job);
      } catch (error) {
        const verdict = judge(error);
        if (verdict === "fatal") throw error;
        if (verdict === "never") this.#unsupported.add(key);
        last = error;
      }
    }
    throw new DvcError(
      `No possible cache link types for '${job.to}'. See <https://dvc.org/doc/user-guide/troubleshooting#cache-types> for more information.`,
      { code: "checkout", cause: last },
    );
  }

  #try(type: LinkType, job: LinkJob): LinkType {
    switch (type) {
      case "reflink":
        return this.#clone(job);
      case "hardlink":
        // An empty file's hard links may be limited (65,000 on ext4), and one with the execute bit would change the object.
        if (job.size === 0 || job.isexec) break;
        linkSync(job.from, job.to);
        return type;
      case "symlink":
        if (job.isexec) break;
        symlinkSync(job.from, job.to);
        return type;
      case "copy":
        break;
    }
    this.#copy(job.from, job.to);
    return "copy";
  }

  #clone(job: LinkJob): LinkType {
    // Small ones are copied without asking, when copying is next anyway.
    if (job.size < copiedBelow(this.#types.slice(this.#types.indexOf("reflink")))) {
      this.#copy(job.from, job.to);
      return "copy";
    }
    try {
      copyFileSync(job.from, job.to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    } catch (error) {
      // The target may have been created before the clone was refused.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") removeCreated(job.to);
      throw error;
    }
    chmodSync(job.to, this.#fileMode);
    return "reflink";
  }
}

function removeCreated(path: OsPath): void {
  try {
    unlinkSync(path);
  } catch {
    // it was not created
  }
}

/** `never`: this file system cannot; `next`: not this file; `fatal`: no other type would help either. */
function judge(error: unknown): "never" | "next" | "fatal" {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOTSUP":
    case "EOPNOTSUPP":
    case "ENOSYS":
    case "ENOTTY":
    case "EINVAL":
    case "EXDEV":
      return "never";
    case "EPERM":
    case "EACCES":
    case "EMLINK":
    case "UNKNOWN":
      return "next";
    default:
      return "fatal";
  }
}
