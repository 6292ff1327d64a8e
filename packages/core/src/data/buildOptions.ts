import type { CallOptions } from "../base/events.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import type { State } from "../odb/state.ts";
import type { IgnorePredicate } from "./walk.ts";

/** How a path is hashed. */
export interface BuildOptions extends CallOptions {
  /** Asked before a file is read, told after. The caller saves it. */
  readonly state?: State | undefined;
  readonly ignore?: IgnorePredicate | undefined;
  /** Where the bytes go; without it they are only hashed. The manifest of a folder is stored too, after its files. */
  readonly store?: ObjectDb | undefined;
  /** Default md5. */
  readonly hashName?: "md5" | "md5-dos2unix" | undefined;
  /** Threads to use at most; default: by the work at hand. */
  readonly jobs?: number | undefined;
  /** Hears of each link in the folder that leads nowhere, which is then as if not there; without it, it is an error. */
  readonly onBrokenLink?: ((path: OsPath) => void) | undefined;
  /** Only this file or folder inside the folder; the tree's relpaths still begin at the folder. */
  readonly within?: RelPath | undefined;
  /** False: a folder is part of another, whose manifest is stored later; it has none of its own. */
  readonly storeManifest?: boolean | undefined;
}
